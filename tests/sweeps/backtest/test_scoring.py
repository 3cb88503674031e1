from __future__ import annotations

import math
from pathlib import Path

import pytest
from flat_sweeps import HORIZON, flat_group
from stories import make_report

from sweeps.backtest.scoring import Full, Ruler, Scale, Spent, audit_samples, finished
from sweeps.journal import Asked, AttemptEnded, AttemptStarted, Body, Reported, Story, apply
from sweeps.lifecycle import AttemptEnd
from sweeps.trial import GO_ON


def key(number: int) -> tuple[str, None]:
    return (f"c{number:02}", None)


def test_regret_is_zero_for_the_best_and_one_from_the_median_on(tmp_path: Path) -> None:
    scale = Scale(flat_group(tmp_path, [1.0, 1.1, 2.0, 3.0, 9.0]))
    assert [scale.regret([key(n)]) for n in range(5)] == pytest.approx([0, 0.1, 1, 1, 1])
    assert scale.regret([key(4), key(1)]) == pytest.approx(0.1)
    assert scale.regret([]) == 1


def test_what_is_not_finite_is_the_worst_and_not_in_the_median(tmp_path: Path) -> None:
    finals = [1.0, 1.5, 2.0, math.nan, math.inf]
    scale = Scale(flat_group(tmp_path, finals, metrics=[1.0] * 5))
    assert [scale.regret([key(n)]) for n in range(5)] == [0, 1, 1, 1, 1]


def test_more_may_be_better(tmp_path: Path) -> None:
    scale = Scale(flat_group(tmp_path, [1.0, 3.0, 4.0], higher_is_better=True))
    assert [scale.regret([key(n)]) for n in range(3)] == [1, 1, 0]


def test_where_best_and_median_are_equal_all_others_are_lost(tmp_path: Path) -> None:
    scale = Scale(flat_group(tmp_path, [1.0, 1.0, 1.0, 2.0]))
    assert [scale.regret([key(n)]) for n in range(4)] == [0, 0, 0, 1]


def test_without_any_final_nothing_is_found(tmp_path: Path) -> None:
    scale = Scale(flat_group(tmp_path, [math.nan, math.nan], metrics=[1.0, 2.0]))
    assert scale.regret([key(0)]) == 1


def test_chance_draws_without_putting_back(tmp_path: Path) -> None:
    """Of four with regrets 0, .5, 1, 1 two are drawn: the best in 3 of 6 cases, the second in 2."""
    scale = Scale(flat_group(tmp_path, [0.0, 1.0, 3.0, 4.0]))
    assert scale.by_chance(0.5, 0.02) == pytest.approx((2 / 6 * 0.5 + 1 / 6, 3 / 6))
    assert scale.by_chance(0.25, 0.02) == pytest.approx((2.5 / 4, 1 / 4))
    assert scale.by_chance(0.375, 0.02) == pytest.approx(((1 / 3 + 2.5 / 4) / 2, 3 / 8))
    assert scale.by_chance(0, 0.02) == (1, 0)
    assert scale.by_chance(1.2, 0.02) == (0, 1)
    assert scale.by_chance(0.25, 0.5)[1] == pytest.approx(1 / 2)


def test_a_run_that_ends_early_is_whole(tmp_path: Path) -> None:
    group = flat_group(tmp_path, [1.0, 2.0, 3.0], lengths=[30, 90, 60])
    full, order = Full(group), [run.params for run in group.runs]
    assert full.samples == 180
    assert full.seconds(order, 1) == 180
    assert full.seconds(order, 2) == 90
    assert full.seconds(order[::-1], 2) == 90
    assert full.seconds(order, 9) == 90


def test_a_sweep_is_scored(tmp_path: Path) -> None:
    group = flat_group(tmp_path, [1.0, 1.1, 2.0, 3.0, 9.0], lengths=[45] + [HORIZON] * 4)
    outcome = Ruler.of(group, 0.1).score([key(1), key(3)], Spent(200, 41, 100.0), 2, 405)
    assert (outcome.group, outcome.workload, outcome.order) == ("flat", "toy", 2)
    assert (outcome.trials, outcome.finished) == (5, 2)
    assert outcome.compute == 200 / 405
    assert outcome.compute_of_horizon == 200 / 450
    assert outcome.audit_compute == 41 / 405
    assert outcome.regret == pytest.approx(0.1)
    assert not outcome.best_kept
    assert outcome.kept_within_tolerance
    assert outcome.time_to_result == 100 / 405


def test_an_audited_trial_is_never_kept_and_what_it_ran_since_is_the_audit_s() -> None:
    story = Story()
    condemned = GO_ON.model_copy(update={"audit": True})
    verdicts = {0: [GO_ON, GO_ON, GO_ON], 1: [GO_ON, condemned, GO_ON]}
    for number, given in verdicts.items():
        entries: list[Body] = [
            Asked(trial=number, params={"config_id": f"c{number:02}"}),
            AttemptStarted(trial=number, attempt=1),
        ]
        for point, verdict in enumerate(given, start=1):
            report = make_report(point, 1.0).model_copy(update={"samples": 10 * point})
            entries.append(Reported(trial=number, attempt=1, report=report, verdict=verdict))
        end = AttemptEnded(trial=number, attempt=1, reason=AttemptEnd.FINISHED, samples=30)
        for body in [*entries, end]:
            apply(story, body)
    assert finished(story.trials.values()) == [key(0)]
    assert [audit_samples(record) for record in story.trials.values()] == [0, 10]
