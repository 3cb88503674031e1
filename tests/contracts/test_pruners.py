"""What every pruner keeps to, whatever its rule. Judged as a sweep judges: behind the guards."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable

import pytest
from stories import POINTS, Script, make_report, make_spec, make_step

from sweeps.journal import Reported, fold
from sweeps.lifecycle import AttemptEnd
from sweeps.pruners import PRUNERS, make_pruner
from sweeps.pruners.decide import verdict
from sweeps.pruners.guards import step_guard
from sweeps.spec import SweepSpec
from sweeps.trial import Action, Report, TrialRecord

pytestmark = pytest.mark.parametrize("name", sorted(PRUNERS))

# The report of trial n at point k.
Curve = Callable[[int, int], Report]
ENDS = {Action.STOP: AttemptEnd.STOPPED, Action.PAUSE: AttemptEnd.PAUSED}


def spec_of(name: str) -> SweepSpec:
    return make_spec(pruning={"type": name})


def falling(number: int, point: int) -> Report:
    """Healthy curves: trial n ends near n, and is worse than trial n - 1 all the way."""
    loss = number + 3.0 / point
    return make_report(point, loss, losses=(loss + 0.1, loss))


def play(name: str, curve: Curve, trials: int = 8, rates: dict[int, float] | None = None) -> Script:
    """All trials side by side, point by point, until each has ended or is parked."""
    spec, script = spec_of(name), Script()
    pruner = make_pruner(spec)
    for number in range(trials):
        script.ask(learning_rate=(rates or {}).get(number, 0.1))
    for point in range(1, POINTS + 1):
        for number, record in script.story.trials.items():
            if record.state == "RUNNING":
                report = curve(number, point)
                found = verdict(spec, pruner, script.story, number, report)
                script.say(number, report, found)
                if found.action is not Action.CONTINUE:
                    script.end(number, ENDS[found.action], report.samples)
                elif point == POINTS:
                    script.end(number)
    return script


def states(script: Script) -> dict[int, str]:
    return {number: record.state for number, record in script.story.trials.items()}


def ended_by(record: TrialRecord) -> str:
    """The reason of the last verdict on a trial."""
    return record.verdicts[max(record.verdicts)].reason


def test_the_best_trial_of_well_ordered_curves_is_finished(name: str) -> None:
    assert states(play(name, falling))[0] == "DONE"


def test_the_same_prefix_of_a_journal_gets_the_same_verdict(name: str) -> None:
    """Whoever takes over after a crash decides as the one before would have."""
    spec, script = spec_of(name), play(name, falling)
    for entry in script.entries:
        if isinstance(entry.body, Reported):
            story = fold(script.entries[: entry.seq - 1])
            body = entry.body
            found = verdict(spec, make_pruner(spec), story, body.trial, body.report)
            assert found == body.verdict


def test_judging_changes_nothing_and_can_be_repeated(name: str) -> None:
    spec = spec_of(name)
    script = play(name, falling)
    pruner = make_pruner(spec)
    number = script.ask()
    before = copy.deepcopy(script.story)
    report = falling(9, 3)
    first = verdict(spec, pruner, script.story, number, report)
    assert verdict(spec, pruner, script.story, number, report) == first
    assert script.story == before


def test_repeated_reports_change_nothing(name: str) -> None:
    spec, script = spec_of(name), play(name, falling)
    number = script.ask()
    once = fold(script.entries)
    twice = fold([*script.entries, *script.entries[5:], *script.entries])
    report = falling(9, 3)
    assert verdict(spec, make_pruner(spec), once, number, report) == verdict(
        spec, make_pruner(spec), twice, number, report
    )


@pytest.mark.parametrize("broken", [math.nan, math.inf])
def test_a_run_whose_loss_is_not_finite_never_survives(name: str, broken: float) -> None:
    """The worker reports the guard at the step it trips, ahead of the point."""

    def curve(number: int, point: int) -> Report:
        if number != 2 or point < 4:
            return falling(number, point)
        guard = step_guard(make_step(loss=broken))
        return make_report(point, losses=(1.0, broken), guard=guard)

    script = play(name, curve, trials=3)
    record = script.story.trials[2]
    assert (record.state, ended_by(record)) == ("STOPPED", "non_finite_loss")
    assert max(record.reports) == 4


def test_a_lone_spike_kills_nobody(name: str) -> None:
    """A 10,000-fold gradient norm at one step of a healthy run changes no verdict."""

    def spiked(number: int, point: int) -> Report:
        loss = number + 3.0 / point
        norm = 10_000.0 if (number, point) == (0, 5) else 1.0
        return make_report(point, loss, losses=(loss, loss, loss), norms=(1.0, norm, 1.0))

    def calm(number: int, point: int) -> Report:
        loss = number + 3.0 / point
        return make_report(point, loss, losses=(loss, loss, loss), norms=(1.0, 1.0, 1.0))

    assert states(play(name, spiked)) == states(play(name, calm))
    assert states(play(name, spiked))[0] == "DONE"


def test_trials_that_are_equal_are_all_treated_equally(name: str) -> None:
    found = states(play(name, lambda number, point: falling(0, point)))
    assert set(found.values()) == {"DONE"}


def test_missing_signals_are_no_verdict(name: str) -> None:
    """No metric and no gradient norm ever: every run goes to its end."""

    def bare(number: int, point: int) -> Report:
        return make_report(point, losses=(2.0, 2.0), norms=(None, None))

    assert set(states(play(name, bare)).values()) == {"DONE"}


def test_nothing_is_pruned_below_four_trials(name: str) -> None:
    assert set(states(play(name, falling, trials=3)).values()) == {"DONE"}


def test_an_untrained_control_is_dead_and_harms_nobody(name: str) -> None:
    """It looks best at first: the others begin above it and learn."""

    def curve(number: int, point: int) -> Report:
        if number == 1:
            return make_report(point, 2.0, losses=(2.0, 2.0), learning_rate=0.0)
        return make_report(point, 3.0 / point, losses=(3.0 / point, 3.0 / point))

    script = play(name, curve, rates={1: 0.0})
    assert ended_by(script.story.trials[1]) == "dead"
    assert {state for number, state in states(script).items() if number != 1} == {"DONE"}


def test_every_stop_carries_its_evidence(name: str) -> None:
    script = play(name, falling, trials=12)
    for record in script.story.trials.values():
        found = record.verdicts[max(record.verdicts)]
        if found.action is Action.CONTINUE:
            continue
        evidence = found.evidence
        assert evidence.signal
        assert evidence.value is not None
        assert evidence.cutoff is not None
        assert evidence.peers
        assert record.trial.number not in evidence.peers
        assert any(character.isdigit() for character in found.message)


def test_the_order_of_the_peers_in_the_journal_does_not_matter(name: str) -> None:
    spec = spec_of(name)
    found = []
    for order in (range(1, 7), reversed(range(1, 7))):
        script = Script()
        for _ in range(8):
            script.ask()
        for peer in order:
            for point in range(1, 6):
                script.say(peer, falling(peer, point))
        found.append(verdict(spec, make_pruner(spec), script.story, 7, falling(7, 5)))
    assert found[0] == found[1]
