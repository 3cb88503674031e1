"""What every pruner keeps to, whatever its rule. Judged as a sweep judges: behind the guards, by
the conductor, with parked trials brought back."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cache
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from playing import Curve, Mishaps, Player, done, states
from stories import POINTS, Script, make_report, make_spec, make_step

from sweeps.journal import Judged, Reported, Story, fold
from sweeps.pruners import PRUNERS, make_pruner
from sweeps.pruners.decide import verdict
from sweeps.pruners.guards import step_guard
from sweeps.spec import SweepSpec
from sweeps.trial import Action, Report, TrialRecord, Verdict

pytestmark = pytest.mark.parametrize("name", sorted(PRUNERS))

# Who parks trials brings the next best one back when all others break.
PARKING = {"halving", "recipe", "early_dynamics"}


@dataclass(frozen=True)
class Plan:
    """One trial of a random sweep: how good it is, and from which point on what befalls it."""

    level: int = 0
    fate: str = "healthy"
    since: int = 1


FATES = ["healthy", "healthy", "nan_loss", "nan_metric", "control", "raises", "stopped"]
plans = st.builds(Plan, st.integers(0, 4), st.sampled_from(FATES), st.integers(1, POINTS))
healthy = st.builds(Plan, st.integers(0, 4))
slots, orders = st.integers(1, 5), st.none() | st.integers(0, 9)


@cache
def spec_of(name: str, rates: tuple[float, ...] = (0.1,) * 8) -> SweepSpec:
    """One trial for each learning rate, all of one batch size; they may have the same rate."""
    rows = [{"learning_rate": rate, "seed": number} for number, rate in enumerate(rates)]
    axes = {"global_batch_size": {"values": [10]}, "paired": rows}
    return make_spec(pruning={"type": name}, parameters=axes)


def curve_of(level: float, point: int, **changes: Any) -> Report:
    """A run that learns. Every rule finds a lower level better: the metric is lower, the gradient
    norm is lower, and the training loss is higher."""
    loss, norm = 9.0 - level + 3.0 / point, 1.0 + level
    fields: dict[str, Any] = {"losses": (loss + 0.1, loss, loss), "norms": (norm,) * 3, **changes}
    return make_report(point, level + 3.0 / point, **fields)


def falling(number: int, point: int) -> Report:
    """Trial n is worse than trial n - 1 all the way."""
    return curve_of(number, point)


def play(name: str, curve: Curve, trials: int = 8, **changes: Any) -> Script:
    rates = {**dict.fromkeys(range(trials), 0.1), **changes.pop("rates", {})}
    return Player(spec_of(name, tuple(rates.values())), curve, **changes).play()


def sweep(name: str, trials: list[Plan], **changes: Any) -> Script:
    """A sweep of these trials, each meeting its fate."""

    def curve(number: int, point: int) -> Report:
        plan = trials[number]
        if plan.fate == "nan_loss" and point >= plan.since:
            guard = step_guard(make_step(loss=math.nan))
            return curve_of(plan.level, point, losses=(1.0, 1.0, math.nan), guard=guard)
        if plan.fate == "nan_metric" and point >= plan.since:
            return curve_of(plan.level, point, metrics={"eval_loss": math.nan})
        if plan.fate == "control":
            loss = (12.0, 12.0, 12.0)
            return make_report(point, 0.0, losses=loss, norms=(0.5, 0.5, 0.5))
        return curve_of(plan.level, point)

    def at(fate: str) -> frozenset[tuple[int, int]]:
        return frozenset((n, p.since) for n, p in enumerate(trials) if p.fate == fate)

    rates = {n: 0.0 for n, plan in enumerate(trials) if plan.fate == "control"}
    mishaps = Mishaps(at("raises"), at("stopped"), **changes.pop("mishaps", {}))
    return play(name, curve, len(trials), rates=rates, mishaps=mishaps, **changes)


def ended_by(record: TrialRecord) -> str:
    """The reason of the last verdict on a trial."""
    return record.verdicts[max(record.verdicts)].reason


def decisions(script: Script) -> list[tuple[int, Verdict]]:
    """Every verdict in the journal, with its trial."""
    bodies = [entry.body for entry in script.entries]
    return [(b.trial, b.verdict) for b in bodies if isinstance(b, Reported | Judged)]


@pytest.mark.parametrize("slots", [1, 3, 8])
def test_the_best_trial_of_well_ordered_curves_is_finished(name: str, slots: int) -> None:
    assert 0 in done(play(name, falling, slots=slots))


@given(trials=st.lists(plans, min_size=1, max_size=9), slots=slots, order=orders)
@settings(max_examples=50, deadline=None)
def test_every_sweep_ends(name: str, trials: list[Plan], slots: int, order: int | None) -> None:
    """Nothing runs, waits or stays parked; and where a run can come through, one does."""
    script = sweep(name, trials, slots=slots, order=order)
    assert set(states(script).values()) <= {"DONE", "STOPPED", "FAILED"}
    able = {number for number, plan in enumerate(trials) if plan.fate == "healthy"}
    if able and (name in PARKING or len(able) == len(trials)):
        assert able & set(done(script))


@given(
    trials=st.lists(plans, min_size=1, max_size=8),
    slots=slots,
    order=orders,
    crashes=st.frozensets(st.integers(0, 40), max_size=4),
)
@settings(max_examples=30, deadline=None)
def test_every_sweep_ends_however_often_its_driver_dies(
    name: str, trials: list[Plan], slots: int, order: int | None, crashes: frozenset[int]
) -> None:
    mishaps = {"crashes": crashes}
    script = sweep(name, trials, slots=slots, order=order, mishaps=mishaps)
    assert set(states(script).values()) <= {"DONE", "STOPPED", "FAILED"}
    assert states(script) == {n: r.state for n, r in fold(script.entries).trials.items()}


@given(trials=st.lists(plans, min_size=1, max_size=9), slots=slots, order=orders)
@settings(max_examples=50, deadline=None)
def test_a_nan_trial_and_an_untrained_control_never_survive(
    name: str, trials: list[Plan], slots: int, order: int | None
) -> None:
    """The control looks better than all others: the lowest metric and norm, the highest loss."""
    script = sweep(name, trials, slots=slots, order=order)
    for number, plan in enumerate(trials):
        if plan.fate in ("nan_loss", "control"):
            assert states(script)[number] == "STOPPED"


@given(trials=st.lists(plans, min_size=4, max_size=8), slots=slots, order=orders)
@settings(max_examples=25, deadline=None)
def test_the_same_prefix_of_a_journal_gets_the_same_verdict(
    name: str, trials: list[Plan], slots: int, order: int | None
) -> None:
    """Whoever takes over after a crash decides as the one before would have; and deciding changes
    nothing that is decided from."""
    script = sweep(name, trials, slots=slots, order=order)
    spec, story, revived = spec_of(name), Story(), 0
    for entry in script.entries:
        body, pruner = entry.body, make_pruner(spec)
        if isinstance(body, Reported):
            assert verdict(spec, pruner, story, body.trial, body.report) == body.verdict
        elif isinstance(body, Judged) and body.verdict.action is Action.CONTINUE:
            asked = [(False, True), (False, False), (True, False)]
            found = [pruner.revive(story, last, more) for last, more in asked]
            assert (body.trial, body.verdict) in found
            revived += 1
        fold([entry], story)
    assert repr(story) == repr(fold(script.entries))
    assert revived == 0 or name in PARKING


@given(trials=st.lists(plans, min_size=1, max_size=8), slots=slots, order=orders)
@settings(max_examples=25, deadline=None)
def test_repeated_reports_change_nothing(
    name: str, trials: list[Plan], slots: int, order: int | None
) -> None:
    once = sweep(name, trials, slots=slots, order=order)
    twice = sweep(name, trials, slots=slots, order=order, mishaps={"stutter": True})
    assert repr(twice.entries) == repr(once.entries)
    again = fold([*once.entries, *once.entries[5:], *once.entries])
    assert repr(again) == repr(once.story)


@pytest.mark.parametrize("broken", [math.nan, math.inf])
def test_a_run_whose_loss_is_not_finite_is_stopped_at_once(name: str, broken: float) -> None:
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


@given(
    trials=st.lists(healthy, min_size=4, max_size=8),
    where=st.tuples(st.integers(0, 3), st.integers(1, POINTS)),
    slots=slots,
    order=orders,
)
@settings(max_examples=25, deadline=None)
def test_a_lone_spike_kills_nobody(
    name: str, trials: list[Plan], where: tuple[int, int], slots: int, order: int | None
) -> None:
    """A 10,000-fold gradient norm at one step of a healthy run changes no verdict."""

    def curve(number: int, point: int) -> Report:
        level = trials[number].level
        norm = (1.0 + level, 10_000.0, 1.0 + level)
        return curve_of(level, point, **({"norms": norm} if (number, point) == where else {}))

    spiked = play(name, curve, len(trials), slots=slots, order=order)
    assert states(spiked) == states(sweep(name, trials, slots=slots, order=order))


@given(trials=st.integers(1, 10), slots=slots, order=orders)
@settings(max_examples=25, deadline=None)
def test_trials_that_are_equal_are_all_treated_equally(
    name: str, trials: int, slots: int, order: int | None
) -> None:
    found = play(name, lambda number, point: falling(0, point), trials, slots=slots, order=order)
    assert set(states(found).values()) == {"DONE"}


@given(
    trials=st.integers(1, 8),
    slots=slots,
    order=orders,
    value=st.none() | st.just(math.nan),
)
@settings(max_examples=25, deadline=None)
def test_missing_signals_are_no_verdict(
    name: str, trials: int, slots: int, order: int | None, value: float | None
) -> None:
    """No metric, and no gradient norm or none that is a number: every run goes to its end."""

    def bare(number: int, point: int) -> Report:
        report = make_report(point, losses=(2.0 - number / 10, 1.0), norms=(1.0, 1.0))
        empty = report.window.grad_norm
        if value is None or empty is None:
            window = report.window.model_copy(update={"grad_norm": None})
        else:
            nothing = empty.model_copy(update=dict.fromkeys(type(empty).model_fields, value))
            window = report.window.model_copy(update={"grad_norm": nothing})
        if name == "early_dynamics":  # it looks at the loss too
            window = window.model_copy(update={"loss": None})
        return report.model_copy(update={"window": window})

    found = play(name, bare, trials, slots=slots, order=order)
    assert set(states(found).values()) == {"DONE"}


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


@pytest.mark.parametrize("slots", [1, 4])
def test_every_pause_stop_and_revival_carries_its_evidence(name: str, slots: int) -> None:
    """All that a person may ask: which signal, how bad, how good it had to be, against whom. Only
    a trial that waits for others to come has no cutoff yet."""
    script = play(name, falling, trials=12, slots=slots, order=1)
    found = [pair for pair in decisions(script) if pair[1].reason not in ("none", "parked")]
    assert found or name == "never"
    for number, said in found:
        evidence = said.evidence
        alone = 1 in (evidence.details.get("reached"), evidence.details.get("compared"))
        assert evidence.signal
        assert evidence.value is not None
        assert f"{evidence.value:.4g}" in said.message
        assert evidence.details["samples"]
        assert number not in evidence.peers
        assert evidence.peers or alone
        if evidence.details.get("places") == 0:
            assert "too few" in said.message
            continue
        if evidence.details.get("went_on") == 0:
            assert evidence.cutoff is None
            continue
        assert evidence.cutoff is not None
        assert f"{evidence.cutoff:.4g}" in said.message


@given(order=st.permutations(range(1, 7)), mine=st.integers(0, 8))
@settings(max_examples=30, deadline=None)
def test_the_order_of_the_peers_in_the_journal_does_not_matter(
    name: str, order: list[int], mine: int
) -> None:
    """One point after the other, in one order; and trial after trial, in another."""
    spec = spec_of(name)
    found = []
    by_point = [(peer, point) for point in range(1, 4) for peer in range(1, 7)]
    by_trial = [(peer, point) for peer in order for point in range(1, 4)]
    for said in (by_point, by_trial):
        script = Script()
        for _ in range(8):
            script.ask()
        for peer, point in said:
            script.say(peer, falling(peer, point))
        found.append(verdict(spec, make_pruner(spec), script.story, 7, falling(mine, 3)))
    assert found[0] == found[1]
