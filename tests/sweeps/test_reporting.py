from __future__ import annotations

import pytest

from sweeps.points import RunPlan
from sweeps.reporting import Due, due

PLAN = RunPlan(horizon=100, global_batch_size=10, points=5)


@pytest.mark.parametrize(
    ("last", "samples", "found"),
    [
        (0, 10, None),
        (0, 20, Due(1)),
        (1, 30, None),
        (0, 70, Due(3, evaluate=True)),
        (1, 40, Due(2, evaluate=True)),
        (4, 100, Due(5, evaluate=True)),
        (5, 110, None),
    ],
)
def test_a_report_is_due_at_the_last_point_that_was_crossed(
    last: int, samples: int, found: Due | None
) -> None:
    assert due(PLAN, 2, last, samples) == found


@pytest.mark.parametrize(
    ("last", "samples", "point"), [(0, 10, 1), (1, 30, 2), (1, 60, 3), (4, 90, 5), (5, 100, 5)]
)
def test_a_guard_is_told_at_once_and_without_an_evaluation(
    last: int, samples: int, point: int
) -> None:
    assert due(PLAN, 1, last, samples, guard="zero_loss") == Due(point, "zero_loss", False)


def test_a_run_that_reached_its_target_is_at_its_last_point() -> None:
    assert due(PLAN, 1, 2, 50, ends=True) == Due(5, None, True)
    assert due(PLAN, 1, 2, 50, guard="zero_loss", ends=True) == Due(5, "zero_loss")
    assert due(PLAN, 1, 5, 100, ends=True) is None
