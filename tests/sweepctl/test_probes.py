from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from sweepctl.probes import (
    Refused,
    clock_ahead,
    mlflow_answers,
    mlflow_of,
    mlflow_refuses,
    status_of,
)
from sweepctl.settings import Current, Target
from sweepctl.state import StateFolder, free_port


class Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200 if self.path == "/health" else 418)
        self.end_headers()

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(int(self.path.partition("/ajax")[0].strip("/") or 200))
        self.end_headers()

    def date_time_string(self, timestamp: float | None = None) -> str:
        return super().date_time_string(time.time() + 7)

    def log_message(self, *args: object) -> None: ...


@pytest.fixture
def url() -> Iterator[str]:
    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


def test_one_that_answers(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", f"http://127.0.0.1:{free_port()}")
    assert mlflow_answers(url), "no proxy stands between us and loopback"
    assert mlflow_answers(f"{url}/")
    assert status_of(f"{url}/other") == 418


def test_a_search_that_is_answered_or_not(url: str) -> None:
    """What a real MLflow refuses is in test_doctor_mlflow.py."""
    assert mlflow_refuses(url) is None
    assert mlflow_refuses(f"{url}/401") is Refused.LOGIN
    assert mlflow_refuses(f"{url}/500") == 500
    assert mlflow_refuses(f"http://127.0.0.1:{free_port()}") == 0
    assert mlflow_refuses("nonsense") == 0


def test_a_clock(url: str) -> None:
    ahead = clock_ahead(url + "/health")
    assert ahead is not None
    assert 6 < ahead < 8
    assert clock_ahead(f"http://127.0.0.1:{free_port()}") is None


def test_one_that_does_not() -> None:
    assert not mlflow_answers(f"http://127.0.0.1:{free_port()}")
    assert status_of("nonsense") is None


def test_the_mlflow_of_up_belongs_to_its_own_service(tmp_path: Path) -> None:
    here = Target("http://127.0.0.1:1", None, "")
    assert mlflow_of(here) is None
    Current(here.server, "http://127.0.0.1:2", StateFolder(tmp_path)).write()
    assert mlflow_of(here) == "http://127.0.0.1:2"
    assert mlflow_of(Target("http://127.0.0.1:3", None, "")) is None
