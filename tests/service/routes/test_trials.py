"""Trials and reports over bare HTTP."""

from __future__ import annotations

import math

import httpx
import pytest
from service_support import STOP, Writer, asked, make_report, make_spec, reported, started, take

from service.client import Client

API = "/api/v1"


@pytest.fixture
def sweep(user: Client, agent: Client) -> str:
    """Trials 0 to 2, which reported once, twice and never."""
    made = user.create_sweep(make_spec()).id
    take(agent)
    bodies = [*(asked(n) for n in range(3)), started(0), started(1)]
    bodies += [reported(0, make_report(1, eval_loss=math.nan), STOP)]
    bodies += [reported(1, make_report(k, eval_loss=1.0 / k)) for k in (1, 2)]
    agent.append(made, 1, Writer().entries(*bodies))
    return made


def test_reports_of_all_trials(web: httpx.Client, sweep: str) -> None:
    path, seen, cursor = f"{API}/sweeps/{sweep}/reports", [], ""
    while True:
        more = {"cursor": cursor} if cursor else {}
        page = web.get(path, params={"limit": 2, **more}).json()
        seen += page["items"]
        if page["next_cursor"] is None:
            break
        cursor = page["next_cursor"]
    assert [(one["number"], one["report"]["point"]) for one in seen] == [(0, 1), (1, 1), (1, 2)]
    first = seen[0]
    assert first["report"]["metrics"] == {"eval_loss": "NaN"}
    assert (first["verdict"]["action"], first["attempt"]) == ("stop", 1)
    trial = web.get(f"{API}/trials/{first['trial_id']}").json()
    mine = {key: first[key] for key in ("attempt", "at", "report", "verdict")}
    assert (trial["number"], trial["reports"]) == (0, [mine])
    assert web.get(path, params={"limit": 1000}).json()["items"] == seen
    assert web.get(path, params={"limit": 1001}).status_code == 422
    assert web.get(path, params={"cursor": "x"}).status_code == 400
    assert web.get(f"{API}/sweeps/swp_x/reports").status_code == 404


def test_trials_sorted_and_filtered(web: httpx.Client, sweep: str) -> None:
    def numbers(**query: str) -> list[int]:
        answer = web.get(f"{API}/sweeps/{sweep}/trials", params=query)
        assert answer.status_code == 200, answer.text
        return [item["number"] for item in answer.json()["items"]]

    assert numbers(sort="-number") == [2, 1, 0]
    assert numbers(sort="value") == [1, 0, 2]
    assert numbers(sort="-value") == [1, 2, 0]
    assert numbers(sort="-samples") == [1, 0, 2]
    assert numbers(state="PENDING") == [2]
    assert numbers(role="search", sort="-attempts") == [1, 0, 2]
    assert numbers(role="confirm") == []
    answer = web.get(f"{API}/sweeps/{sweep}/trials", params={"sort": "params"})
    assert answer.status_code == 422
