from __future__ import annotations

from typing import Any

import pytest
from stories import make_spec

from sweeps.checks import check
from sweeps.checks.pruning import pruning_faults
from sweeps.errors import SpecError

HALVING = {"type": "halving"}
LOSS = {"name": "loss", "goal": "minimize"}


def found(**changes: Any) -> list[str]:
    return [fault.pointer for fault in pruning_faults(make_spec(**changes))]


@pytest.mark.parametrize(
    "changes",
    [
        {"pruning": HALVING},
        {"pruning": HALVING, "report": {"points": 20}, "evaluation": {"every_points": 5}},
        {"pruning": HALVING, "report": {"points": 20}, "evaluation": {"every_points": 19}},
        {"pruning": HALVING, "evaluation": {"every_points": 50}, "metric": LOSS},
        {"pruning": HALVING, "evaluation": {"every_points": 50}, "workload": {"recipe": "mine"}},
        {"pruning": {"type": "recipe"}, "evaluation": {"every_points": 50}},
        {"pruning": {"type": "median"}, "report": {"points": 1}},
        {"pruning": {"type": "never"}, "report": {"points": 1}},
    ],
)
def test_rungs_with_something_to_judge_are_fine(changes: dict[str, Any]) -> None:
    assert found(**changes) == []


@pytest.mark.parametrize("pruning", [HALVING, {"type": "recipe"}])
def test_a_run_of_one_point_has_no_rung(pruning: dict[str, Any]) -> None:
    assert found(pruning=pruning, report={"points": 1}) == ["/spec/report/points"]
    assert found(pruning=pruning, report={"points": 2}) == []


def test_too_late_a_rung_is_none() -> None:
    assert found(pruning={"type": "recipe", "at": 0.99}) == ["/spec/report/points"]


@pytest.mark.parametrize("every", [20, 21, 99])
def test_halving_needs_the_metric_before_the_end(every: int) -> None:
    changes: dict[str, Any] = {
        "pruning": HALVING,
        "report": {"points": 20},
        "evaluation": {"every_points": every},
    }
    with pytest.raises(SpecError) as caught:
        check(make_spec(**changes))
    (fault,) = caught.value.faults
    assert fault.pointer == "/spec/evaluation/every_points"
    assert "eval_loss is not measured between point 2" in fault.message
    assert fault.mend == "Write evaluation: {every_points: 2}."
    check(make_spec(**{**changes, "evaluation": {"every_points": 2}}))


def test_an_evaluation_before_the_first_rung_alone_is_of_no_use() -> None:
    """Rungs begin at point 6; points 5 and 10 are evaluated, and 10 is the last."""
    late = {"type": "halving", "grace": 0.6}
    assert found(pruning=late, evaluation={"every_points": 5}) == ["/spec/evaluation/every_points"]
    assert found(pruning=late, evaluation={"every_points": 4}) == []
