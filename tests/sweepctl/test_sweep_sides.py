from __future__ import annotations

from typing import Any

import pytest
from asking import Service

from service.schemas import SweepDetail
from sweepctl.sweep_sides import compare_sweeps
from sweeps.result import Result


@pytest.fixture
def done(service: Service) -> tuple[SweepDetail, Result]:
    with service.client() as client:
        identity = service.sweeps["done"].id
        return client.get_sweep(identity), client.result(identity)


def verdict(done: tuple[SweepDetail, Result], *bests: dict[str, Any] | None, goal: str = "") -> str:
    """The verdict on sweeps whose best trials are changed so."""
    sweep, result = done
    assert result.best is not None
    results = [
        result.model_copy(update={"best": best and result.best.model_copy(update=best)})
        for best in bests
    ]
    metric = sweep.metric.model_copy(update={"goal": goal or sweep.metric.goal})
    sweeps = [
        sweep.model_copy(update={"name": f"s{at}", "metric": metric}) for at in range(len(bests))
    ]
    return compare_sweeps(sweeps, results).verdict


def test_within_noise_nothing_is_said_to_be_better(done: tuple[SweepDetail, Result]) -> None:
    close = {"mean": 1.05, "error": 0.01}
    said = verdict(done, close, {"mean": 1.0, "error": 0.1, "trial": 7})
    assert said == (
        "Trial 7 of s1 has the best eval_loss, by 0.05: within noise, so they cannot be told apart."
    )
    said = verdict(done, close, {"mean": 1.0, "error": 0.02})
    assert said.endswith("by 0.05: more than noise explains, at a rate of 0.05.")
    assert "is not known" in verdict(done, close, {"mean": 1.0, "error": None})


def test_repeated_runs_are_compared_with_repeated_ones(
    done: tuple[SweepDetail, Result],
) -> None:
    """2.5 standard errors: enough with many runs, too little with two."""
    far = {"mean": 1.05, "error": 0.01, "runs": 2}
    few = {"mean": 1.015, "error": 0.01, "runs": 2}
    assert "within noise" in verdict(done, far, few)
    many = {"runs": 50}
    assert "more than noise" in verdict(done, far | many, few | many)
    assert "of another kind" in verdict(done, far, few | {"runs": 1})


def test_the_goal_says_which_is_better(done: tuple[SweepDetail, Result]) -> None:
    pair = ({"mean": 2.0, "error": None}, {"mean": 1.0, "error": None})
    assert "of s1 has the best" in verdict(done, *pair)
    assert "of s0 has the best" in verdict(done, *pair, goal="maximize")


def test_what_cannot_be_said(done: tuple[SweepDetail, Result]) -> None:
    assert "Fewer than two" in verdict(done, {"mean": 1.0}, None)
    assert "the same eval_loss" in verdict(done, {"mean": 1.0}, {"mean": 1.0})
    sweep, result = done
    score = sweep.model_copy(update={"metric": sweep.metric.model_copy(update={"name": "score"})})
    scored = result.model_copy(update={"ranked_by": "score"})
    assert "different metrics" in compare_sweeps([sweep, score], [result, scored]).verdict


def test_differences_of_the_specs(done: tuple[SweepDetail, Result]) -> None:
    sweep, result = done
    body = {**sweep.spec["spec"], "budget": {"trials": 9}, "seed": 1}
    changed = sweep.model_copy(update={"spec": {"spec": body}})
    found = compare_sweeps([sweep, changed], [result, result])
    rows = {row.field: row.values for row in found.differences}
    assert rows == {"budget": [{}, None], "budget.trials": [None, 9], "seed": [0, 1]}
