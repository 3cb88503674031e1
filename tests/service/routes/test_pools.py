"""Pools as people see them."""

from __future__ import annotations

from pathlib import Path

from service_support import hosted, make_settings, migrated

from service.client import Client


def test_where_people_open_mlflow_is_told(user: Client, tmp_path: Path) -> None:
    assert user.pools().mlflow_url is None
    told = make_settings(tmp_path, mlflow_url="http://mlflow.example:5000")
    with hosted(migrated(told)) as host, host.client() as client:
        assert client.pools().mlflow_url == "http://mlflow.example:5000"
