"""Server-sent events over bare HTTP."""

from __future__ import annotations

import httpx
import pytest
from service_support import (
    USER,
    Host,
    hosted,
    make_spec,
    take,
    until,
)

from service.client import Client
from service.settings import Settings

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


def test_an_id_from_the_future(user: Client, web: httpx.Client) -> None:
    """Whoever has it saw another sweep, or a database that is gone: he would miss what comes."""
    sweep = user.create_sweep(make_spec()).id
    for number in ("2", "999999999999999999"):
        answer = web.get(path(sweep), headers={"Last-Event-ID": number})
        assert answer.status_code == 400
        assert "newest event is 1" in answer.json()["detail"]


def test_who_had_seen_the_end_hears_of_a_retry(
    user: Client, agent: Client, web: httpx.Client
) -> None:
    sweep = user.create_sweep(make_spec()).id
    take(agent)
    agent.finish(sweep, 1, "FAILED", "the data is not there")
    seen = {"Last-Event-ID": "3"}
    assert web.get(path(sweep), headers={"Last-Event-ID": "2"}).text.count('"last":true') == 1
    assert web.get(path(sweep), headers=seen).status_code == 204
    assert web.post(f"/api/v1/sweeps/{sweep}/retry").status_code == 202
    take(agent)
    agent.finish(sweep, 2, "DONE")
    answer = web.get(path(sweep), headers=seen)
    ids = [line[4:] for line in answer.text.split("\n") if line.startswith("id: ")]
    assert ids == ["4", "5", "6"]
    assert answer.text.count('"last":true') == 1
    # From the start there is one end only, the last.
    whole = web.get(path(sweep)).text.strip().split("\n\n")
    assert ['"last":true' in event for event in whole] == [False] * 5 + [True]


def test_no_such_sweep(web: httpx.Client) -> None:
    assert web.get(path("swp_x")).status_code == 404


def test_heartbeats_keep_a_quiet_stream_open_without_a_session(settings: Settings) -> None:
    often = {"heartbeat_seconds": 0.1, "event_poll_seconds": 0.05}
    with hosted(settings.model_copy(update=often)) as host, host.client() as user:
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
