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
    "query",
    [
        *("limit=0", "limit=201", "limit=x", "state=queued", "cursor=x", f"cursor={'a' * 2000}"),
        *("sort=size", "sort=", "label=team", "label==nlp", "project=", "name=%00", "stat=QUEUED"),
        "&".join(f"label=a{n}=b" for n in range(21)),
    ],
)
def test_queries_are_checked(web: httpx.Client, query: str) -> None:
    assert web.get(f"{PATH}?{query}").status_code in (400, 422)


def test_lists_are_filtered_and_sorted(web: httpx.Client) -> None:
    for name, team in (("b", "nlp"), ("a", "nlp"), ("c", "cv")):
        spec = make_spec(name)
        spec["metadata"]["labels"] = {"team": team, "run": "x=1 &y"}
        assert web.post(PATH, json=spec).status_code == 201

    def names(**query: object) -> list[str]:
        answer = web.get(PATH, params=query)
        assert answer.status_code == 200, answer.text
        return [item["name"] for item in answer.json()["items"]]

    assert names() == ["c", "a", "b"]
    assert names(sort="created_at", label="team=nlp") == ["b", "a"]
    assert names(sort="-name", label=["team=nlp", "run=x=1 &y"]) == ["b", "a"]
    assert names(sort="name", state=["QUEUED", "DONE"], pool="default") == ["a", "b", "c"]
    assert names(name="c", project="default") == ["c"]
    first = web.get(PATH, params={"sort": "name", "limit": 2}).json()
    answer = web.get(PATH, params={"limit": 2, "cursor": first["next_cursor"]})
    assert answer.status_code == 400
    assert "made for another list, filter or sort" in answer.json()["detail"]
    rest = web.get(PATH, params={"sort": "name", "cursor": first["next_cursor"]}).json()
    assert [item["name"] for item in rest["items"]] == ["c"]


@pytest.mark.parametrize(
    "changes",
    [
        {"resources": {"pool": "default", "max_parallel": 10**30}},
        {"budget": {"trials": 10**30}},
        {"resources": {"pool": "default", "priority": 101}},
    ],
)
def test_numbers_that_no_store_holds_are_refused(
    web: httpx.Client, changes: dict[str, object]
) -> None:
    assert web.post(PATH, json=make_spec(**changes)).status_code == 422


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
