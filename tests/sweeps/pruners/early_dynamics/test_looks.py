from __future__ import annotations

import math

import numpy as np
import pytest
from playing import Player, done
from stories import Script, make_report, make_spec

from sweeps.journal import Judged, Reported
from sweeps.pruners.early_dynamics.looks import reordered
from sweeps.pruners.early_dynamics.rung import looks_of
from sweeps.spec import SweepSpec
from sweeps.trial import Action, Report, Verdict


def test_scores_are_handed_out_anew_among_those_seen() -> None:
    scores = np.array([2.0, 1.0, 0.0, -1.0])
    costs = np.array([5.0, math.nan, 3.0, math.inf])
    assert reordered(scores, ["a"] * 4, costs).tolist() == [0.0, 1.0, 2.0, -1.0]


def test_equal_costs_share_and_other_cohorts_stay() -> None:
    scores = np.array([2.0, 1.0, 0.0, -1.0])
    found = reordered(scores, ["a", "a", "b", "b"], np.array([3.0, 3.0, 1.0, 2.0]))
    assert found.tolist() == [1.5, 1.5, 0.0, -1.0]


@pytest.mark.parametrize(
    ("points", "every", "looks"),
    [(20, 1, [2, 4, 8]), (20, 3, [6, 9]), (10, 1, [2, 4]), (10, 10, []), (2, 1, [])],
)
def test_looks_lie_where_the_metric_is_taken(points: int, every: int, looks: list[int]) -> None:
    spec = make_spec(report={"points": points}, evaluation={"every_points": every})
    assert looks_of(spec) == looks


def spec_of(trials: int, audit: float = 0.0) -> SweepSpec:
    rows = [{"learning_rate": 0.001 * 1.3**n} for n in range(trials)]
    pruning = {"type": "early_dynamics", "risk": 0.1, "audit": audit}
    axes = {"global_batch_size": {"values": [10]}, "paired": rows}
    return make_spec(pruning=pruning, parameters=axes, report={"points": 20})


def bowl(number: int, point: int) -> Report:
    """The rung misleads; later the learning rate of trial 6 is best, and the farther the worse."""
    return make_report(point, float(number * 13 % 24) if point == 1 else abs(number - 6.01))


def looked_at(script: Script) -> list[tuple[int, Verdict]]:
    """Trials parked at a later look, with the verdict."""
    bodies = [entry.body for entry in script.entries]
    found = [(b.trial, b.verdict) for b in bodies if isinstance(b, Reported | Judged)]
    return [(n, v) for n, v in found if v.evidence and "rival" in v.evidence.details]


def test_who_falls_back_is_parked_for_one_that_waits() -> None:
    found = looked_at(Player(spec_of(24), bowl).play())
    assert found
    for number, verdict in found:
        assert verdict.action is Action.PAUSE
        assert verdict.evidence is not None
        assert verdict.evidence.details["point"] in (2, 4, 8)
        rival = verdict.evidence.details["rival"]
        assert rival is not None
        assert rival != number
        assert f"behind trial {rival:.0f}" in verdict.message


def test_nobody_is_parked_again_without_a_metric() -> None:
    def by_loss(number: int, point: int) -> Report:
        value = 1.0 + (number * 13 % 24 if point == 1 else abs(number - 6.01))
        return make_report(point, losses=(value, value))

    assert not looked_at(Player(spec_of(24), by_loss).play())


def test_nobody_is_parked_again_where_more_than_one_parameter_varies() -> None:
    rows = [{"learning_rate": 0.001 * 1.3**n, "weight_decay": 0.1 * n} for n in range(24)]
    axes = {"global_batch_size": {"values": [10]}, "paired": rows}
    pruning = {"type": "early_dynamics", "risk": 0.1, "audit": 0.0}
    spec = make_spec(pruning=pruning, parameters=axes, report={"points": 20})
    assert not looked_at(Player(spec, bowl).play())


def test_an_audited_trial_is_never_parked_again() -> None:
    script = Player(spec_of(24, audit=1.0), bowl).play()
    audited = {
        number
        for number, record in script.story.trials.items()
        if any(verdict.audit for verdict in record.verdicts.values())
    }
    assert audited <= set(done(script))
