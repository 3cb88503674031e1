from __future__ import annotations

import math
from functools import cache
from typing import Any

import pytest
from playing import Player, done, states
from stories import Script, make_report, make_spec

from sweeps.journal import AttemptEnded, AttemptStarted, Judged, Reported
from sweeps.pruners.early_dynamics import EarlyDynamicsPruner
from sweeps.spec import SweepSpec
from sweeps.trial import Action, Report, Verdict


@cache
def spec_of(trials: int, risk: float, audit: float, **changes: Any) -> SweepSpec:
    rows = [{"learning_rate": 0.001 * 1.3**n} for n in range(trials)]
    pruning = {"type": "early_dynamics", "risk": risk, "audit": audit}
    axes = {"global_batch_size": {"values": [10]}, "paired": rows}
    return make_spec(pruning=pruning, parameters=axes, **changes)


def falling(number: int, point: int) -> Report:
    """Trial n is worse than trial n - 1 all the way."""
    loss = 5.0 + number + 1.0 / point
    return make_report(point, number + 3.0 / point, losses=(loss + 0.1, loss))


def misleading(number: int, point: int) -> Report:
    """What looks best at first ends worst."""
    value = float(number) if point < 10 else 20.0 - number
    return make_report(point, value)


def play(trials: int = 12, risk: float = 0.1, audit: float = 0.0, **changes: Any) -> Script:
    curve = changes.pop("curve", falling)
    return Player(spec_of(trials, risk, audit), curve, **changes).play()


def verdicts(script: Script) -> list[tuple[int, Verdict]]:
    bodies = [entry.body for entry in script.entries]
    return [(b.trial, b.verdict) for b in bodies if isinstance(b, Reported | Judged)]


def samples(script: Script) -> int:
    return sum(r.attempts[-1].samples for r in script.story.trials.values())


@pytest.mark.parametrize("slots", [1, 4])
def test_all_come_to_the_first_rung_and_few_to_the_end(slots: int) -> None:
    script = play(24, slots=slots)
    assert 0 in done(script)
    assert len(done(script)) <= 12
    assert all(1 in record.reports for record in script.story.trials.values())


def test_more_risk_finishes_fewer() -> None:
    counts = [len(done(play(24, risk))) for risk in (0.02, 0.2, 0.6)]
    assert counts == sorted(counts, reverse=True)
    assert counts[0] > counts[2]


def test_misleading_signals_cost_compute_and_not_the_winner() -> None:
    script = play(12, 0.1, curve=misleading)
    assert 11 in done(script)
    assert len(done(script)) > len(done(play(12, 0.1)))


def test_below_six_trials_the_better_half_goes_on() -> None:
    assert done(play(5)) == [0, 1, 2]
    assert done(play(4)) == [0, 1]
    assert done(play(3)) == [0, 1, 2]


def test_with_no_signal_everything_runs() -> None:
    def bare(number: int, point: int) -> Report:
        report = make_report(point, norms=(None, None))
        window = report.window.model_copy(update={"loss": None})
        return report.model_copy(update={"window": window})

    assert set(states(play(8, curve=bare)).values()) == {"DONE"}


def test_a_metric_that_is_not_finite_never_wins() -> None:
    def broken(number: int, point: int) -> Report:
        return make_report(point, math.nan) if number == 0 else falling(number, point)

    script = play(12, curve=broken)
    assert 1 in done(script)


def test_audits_are_condemned_trials_that_run_to_their_end() -> None:
    script = play(24, audit=1.0)
    assert set(states(script).values()) == {"DONE"}
    audits = {number for number, said in verdicts(script) if said.audit}
    assert audits == set(range(24)) - set(done(play(24)))
    for number, said in verdicts(script):
        if said.audit:
            assert (said.action, said.reason) == (Action.CONTINUE, "audit")
            assert said.evidence.details["miss_risk"] <= 0.1
        if said.action is Action.PAUSE:
            assert script.story.trials[number].verdicts[1] is not said or number not in audits


def test_a_share_is_drawn_by_the_seed_of_the_sweep() -> None:
    some = [{n for n, v in verdicts(play(24, audit=0.5)) if v.audit} for _ in range(2)]
    assert some[0] == some[1]
    assert 0 < len(some[0]) < 24 - len(done(play(24)))


def test_the_final_stop_says_chance_and_risk() -> None:
    script = play(24)
    ended = [said for _, said in verdicts(script) if said.reason == "parked"]
    assert ended
    for said in ended:
        assert said.action is Action.STOP
        details = said.evidence.details
        assert said.evidence.probability is not None
        assert said.evidence.probability <= details["miss_risk"] <= details["stop_below"]
        assert details["stated_risk"] == 0.1
        assert "chance that it ends best" in said.message


def test_a_larger_risk_ends_earlier() -> None:
    assert len(done(play(24, risk=0.5))) < len(done(play(24, risk=0.01)))


def test_settings_of_another_pruner_are_a_mistake() -> None:
    with pytest.raises(TypeError, match="median"):
        EarlyDynamicsPruner(make_spec(pruning={"type": "median"}))


@pytest.mark.parametrize("trials", [3, 5])
def test_where_nothing_is_learned_all_slots_are_used(trials: int) -> None:
    script = play(trials, slots=4)
    running, most, going = set[int](), 0, set[int]()
    for body in (entry.body for entry in script.entries):
        match body:
            case Judged() if body.verdict.action is Action.CONTINUE:
                going.add(body.trial)
            case AttemptStarted() if body.trial in going:
                running.add(body.trial)
            case AttemptEnded():
                running.discard(body.trial)
        most = max(most, len(running))
    assert most == {3: 3, 5: 3}[trials]  # all of three; the better half of five


def test_finals_as_far_apart_as_numbers_can_be_end_the_sweep_all_the_same() -> None:
    def far(number: int, point: int) -> Report:
        return make_report(point, -1.7e308 if number == 0 else 1.7e308)

    script = play(12, curve=far, audit=1.0)
    assert set(states(script).values()) == {"DONE"}
