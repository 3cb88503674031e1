"""Sweeps over bare HTTP."""

from __future__ import annotations

import httpx
import pytest
from service_support import make_spec

PATH = "/api/v1/sweeps"


def test_created_shown_and_listed_alike(web: httpx.Client) -> None:
    answer = web.post(PATH, json=make_spec("shown"))
    assert answer.status_code == 201
    made = answer.json()
    assert web.get(answer.headers["location"]).json() == made
    assert made["spec"]["metadata"]["name"] == "shown"
    assert made["created_at"].endswith("Z")
    (listed,) = web.get(PATH).json()["items"]
    assert made.items() >= listed.items()
    assert "spec" not in listed


def test_long_actions_are_202(web: httpx.Client) -> None:
    sweep = web.post(PATH, json=make_spec()).json()["id"]
    for verb in ("pause", "resume", "cancel"):
        assert web.post(f"{PATH}/{sweep}/{verb}").status_code == 202
    answer = web.post(f"{PATH}/{sweep}/pause")
    assert (answer.status_code, answer.json()["possible"]) == (409, [])


@pytest.mark.parametrize(
    "query", ["limit=0", "limit=201", "limit=x", "state=queued", "cursor=x", f"cursor={'a' * 2000}"]
)
def test_queries_are_checked(web: httpx.Client, query: str) -> None:
    assert web.get(f"{PATH}?{query}").status_code in (400, 422)


def test_result_before_anything_ran(web: httpx.Client) -> None:
    sweep = web.post(PATH, json=make_spec()).json()["id"]
    result = web.get(f"{PATH}/{sweep}/result").json()
    assert result["best"] is None
    assert result["no_best_because"] == "No trial has been asked yet."


def test_plan_lists_cells_that_cannot_run(web: httpx.Client) -> None:
    spec = make_spec(parameters={"warmup_steps": {"values": [0, 1000]}})
    answer = web.post(f"{PATH}/plan", json=spec)
    assert (answer.status_code, answer.json()["refused_count"]) == (200, 1)
    assert web.post(PATH, json=spec).status_code == 422
    assert web.get(PATH).json()["items"] == []
