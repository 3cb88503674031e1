"""Server-sent events over bare HTTP."""

from __future__ import annotations

from pathlib import Path

import httpx
import pytest
from service_support import USER, Host, hosted, make_settings, make_spec, migrated, until

from service.client import Client

HEADERS = {"Authorization": f"Bearer {USER}"}


def path(sweep: str) -> str:
    return f"/api/v1/sweeps/{sweep}/events"


def test_the_stream_as_a_browser_reads_it(user: Client, web: httpx.Client) -> None:
    sweep = user.create_sweep(make_spec()).id
    user.cancel(sweep)
    answer = web.get(path(sweep))
    assert answer.headers["content-type"].startswith("text/event-stream")
    assert answer.headers["cache-control"] == "no-store"
    first, *_, last = answer.text.strip().split("\n\n")
    lines = dict(line.split(": ", 1) for line in first.split("\n"))
    assert (lines["id"], lines["event"]) == ("1", "sweep")
    assert '"state":"QUEUED"' in lines["data"]
    assert '"last":true' in last
    ended = web.get(path(sweep), headers={"Last-Event-ID": last.split("\n")[0][4:]})
    assert (ended.status_code, ended.text) == (204, "")


@pytest.mark.parametrize("number", ["x", "-1", "1.5", "\u00b2", "9" * 30])
def test_an_id_that_is_none(user: Client, web: httpx.Client, number: str) -> None:
    sweep = user.create_sweep(make_spec()).id
    answer = web.get(path(sweep), headers={"Last-Event-ID": number.encode()})
    assert answer.status_code == 400


def test_no_such_sweep(web: httpx.Client) -> None:
    assert web.get(path("swp_x")).status_code == 404


def test_heartbeats_keep_a_quiet_stream_open_without_a_session(tmp_path: Path) -> None:
    settings = migrated(make_settings(tmp_path, heartbeat_seconds=0.1, event_poll_seconds=0.05))
    with hosted(settings) as host, host.client() as user:
        sweep = user.create_sweep(make_spec()).id
        with httpx.stream("GET", host.url + path(sweep), headers=HEADERS, timeout=20) as answer:
            seen = b""
            for chunk in answer.iter_bytes():
                seen += chunk
                if seen.count(b": ping") >= 3:
                    break
        assert checked_out(host) == 0
        user.cancel(sweep)


def checked_out(host: Host) -> int:
    """Connections in use, once the polls under way have ended."""
    pool = host.app.state.context.database.engine.pool
    until(lambda: pool.checkedout() == 0)
    return int(pool.checkedout())
