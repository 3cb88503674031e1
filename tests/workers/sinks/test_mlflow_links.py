from __future__ import annotations

import json
from urllib.parse import parse_qs, urlsplit

import pytest

from workers.sinks.mlflow_links import (
    FIGURES,
    artifact_link,
    charts_link,
    run_link,
    shared_view,
    view_link,
)


@pytest.mark.parametrize(("goal", "ascending"), [("minimize", "true"), ("maximize", "false")])
def test_the_charts_link_says_what_the_page_shall_show(goal: str, ascending: str) -> None:
    link = charts_link("http://mlflow:5000/", "7", "abc", "eval/my score", goal)
    parts = urlsplit(link)
    assert (parts.netloc, parts.path) == ("mlflow:5000", "/")
    path, _, query = parts.fragment.partition("?")
    assert path == "/experiments/7/runs"
    assert {name: value for name, (value,) in parse_qs(query).items()} == {
        "workflowType": "machine_learning",
        "compareRunsMode": "CHART",
        "orderByKey": "metrics.`eval/my score`",
        "orderByAsc": ascending,
        "searchFilter": "tags.mlflow.parentRunId = 'abc'",
    }
    # In a fragment a plus is no space, and markdown ends a link at a space or a bracket.
    assert not set("+ ()`'\"") & set(link)


def test_the_page_of_a_run() -> None:
    link = run_link("http://h:1", "7", "abc")
    assert link == "http://h:1/#/experiments/7/runs/abc?workflowType=machine_learning"


def test_the_page_of_an_artifact() -> None:
    link = artifact_link("http://h:1/", "7", "abc", FIGURES)
    path, _, query = urlsplit(link).fragment.partition("?")
    assert path == "/experiments/7/runs/abc/artifacts/figures/figures.html"
    assert query == "workflowType=machine_learning"


def test_the_view_of_many_trials() -> None:
    link = view_link("http://h:1/", "7", "sweep-x")
    assert link.startswith("http://h:1/#/experiments/7/runs?")
    assert "viewStateShareKey=sweep-x" in link
    # MLflow leaves a shared view alone when the link holds a filter or an order of its own.
    assert "searchFilter" not in link
    assert "orderBy" not in link
    assert json.loads(shared_view("abc", "loss", "minimize")) == {
        "searchFilter": "tags.mlflow.parentRunId = 'abc'",
        "orderByKey": "metrics.`loss`",
        "orderByAsc": True,
        "runsHiddenMode": "SHOWALL",
    }
