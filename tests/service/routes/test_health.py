"""Health, readiness, and what they say when the database is not right."""

from __future__ import annotations

import httpx
from service_support import Host

from service.store.database import Database


def test_ready_follows_the_database(host: Host, database: Database) -> None:
    assert httpx.get(f"{host.url}/readyz").json()["status"] == "ok"
    with database.engine.begin() as wire:
        wire.exec_driver_sql("UPDATE alembic_version SET version_num = '2099_01_01_later'")
    answer = httpx.get(f"{host.url}/readyz")
    assert answer.status_code == 503
    assert "newer than this version" in answer.json()["detail"]
    assert answer.headers["retry-after"] == "1"
    # Alive all the same: restarting would not help.
    assert httpx.get(f"{host.url}/healthz").status_code == 200


def test_pages_for_people(host: Host) -> None:
    assert httpx.get(f"{host.url}/docs").status_code == 200
    metrics = httpx.get(f"{host.url}/metrics")
    assert metrics.headers["content-type"].startswith("text/plain")
