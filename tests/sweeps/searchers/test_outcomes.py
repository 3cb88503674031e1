from __future__ import annotations

import math
from typing import Any

import pytest
from panels import KEPT, finish, limited
from stories import HORIZON, POINTS, Script, make_report, make_spec

from sweeps.journal import CommandApplied, Judged
from sweeps.lifecycle import AttemptEnd, StopReason
from sweeps.points import RunPlan
from sweeps.pruners.guards import judge as guard
from sweeps.searchers.outcomes import Fate, Outcome, outcomes, with_stand_ins
from sweeps.spec import Metric
from sweeps.trial import Action, Report, Role, Verdict

NAN = math.nan
PRUNED = Verdict(action=Action.STOP, reason="median", message="worse than its peers")
PLAN = RunPlan(HORIZON, 10, POINTS)


def told(script: Script, **changes: Any) -> list[Outcome]:
    return outcomes(make_spec(**changes), script.story)


def only(script: Script) -> tuple[Fate, float | None, dict[int, float]]:
    (found,) = told(script)
    return found.fate, found.value, found.curve


def test_a_finished_trial_has_its_final_value_not_its_best() -> None:
    script = Script()
    script.run(1.0, 0.5, 0.7)
    assert only(script) == (Fate.DONE, 0.7, {8: 1.0, 9: 0.5, 10: 0.7})


@pytest.mark.parametrize("final", [NAN, math.inf, -math.inf, None])
def test_a_final_that_is_no_number_is_no_value(final: float | None) -> None:
    script = Script()
    script.run(1.0, final)
    assert only(script) == (Fate.LOST, None, {})


def test_a_pruned_trial_keeps_what_it_measured() -> None:
    script = Script()
    number = script.ask()
    script.say(number, make_report(1, 2.0))
    script.say(number, make_report(2))
    script.say(number, make_report(3, 1.5), PRUNED)
    script.end(number, AttemptEnd.STOPPED, 300, stop_reason=StopReason.PRUNED)
    assert only(script) == (Fate.CUT, None, {1: 2.0, 3: 1.5})


def test_a_pruned_trial_that_measured_nothing_is_lost() -> None:
    script = Script()
    script.stop(script.ask(), 300, PRUNED)
    assert only(script) == (Fate.LOST, None, {})


def _report_that_trips(kind: str) -> list[Report]:
    if kind == "non_finite_loss":
        return [make_report(1, 0.1), make_report(2, 0.1, guard=kind)]
    if kind == "dead":
        return [make_report(1, 0.1), make_report(2, 0.1, norms=(0.0, 0.0))]
    return [make_report(1, 0.1)] + [make_report(k, 0.1, losses=(9.0, 9.0)) for k in (2, 3, 4)]


@pytest.mark.parametrize("kind", ["non_finite_loss", "dead", "diverged"])
def test_what_a_guard_stopped_is_bad_whatever_it_measured(kind: str) -> None:
    script = Script()
    number = script.ask()
    *before, last = _report_that_trips(kind)
    for report in before:
        script.say(number, report)
    record = script.story.trials[number]
    verdict = guard(record.trial.params, record.reports, last, PLAN)
    assert verdict is not None
    assert verdict.reason == kind
    script.say(number, last, verdict)
    script.end(number, AttemptEnd.STOPPED, 100, stop_reason=StopReason.PRUNED)
    assert only(script) == (Fate.CUT, None, {})


def test_a_failed_trial_has_no_value_whatever_it_measured() -> None:
    script = Script()
    number = script.ask()
    script.say(number, make_report(1, 2.0))
    script.end(number, AttemptEnd.FAILED, 100, error="boom", gave_up=True)
    assert only(script) == (Fate.LOST, None, {})


def test_stopped_by_a_user() -> None:
    script = Script()
    measured = script.ask()
    script.say(measured, make_report(1, 2.0))
    script.stop(measured, 100)
    script.stop(script.ask(), 0)
    cut, lost = told(script)
    assert (cut.fate, cut.curve) == (Fate.CUT, {1: 2.0})
    assert lost.fate is Fate.LOST


def test_running_waiting_and_parked() -> None:
    script = Script()
    running, waiting, parked = script.ask(), script.ask(), script.ask()
    script.say(running, make_report(1, 3.0))
    script.end(waiting, AttemptEnd.LOST, 0, error="gone")
    script.say(parked, make_report(1, 4.0))
    script.end(parked, AttemptEnd.PAUSED, 100)
    assert [one.fate for one in told(script)] == [Fate.OPEN, Fate.OPEN, Fate.PARKED]
    back = Verdict(action=Action.CONTINUE, reason="revived", message="others did worse")
    script.add(Judged(trial=parked, verdict=back))
    assert told(script)[parked].fate is Fate.OPEN


def test_a_retried_trial_is_open_again() -> None:
    script = Script()
    number = script.ask()
    script.end(number, AttemptEnd.FAILED, 0, error="boom", gave_up=True)
    script.add(CommandApplied(command="again", kind="retry_trial", trial=number))
    assert told(script)[0].fate is Fate.OPEN


def test_other_roles_are_left_out_and_order_is_that_of_asking() -> None:
    script = Script()
    script.ask(role=Role.BASE)
    script.run(1.0, learning_rate=0.2)
    script.ask(role=Role.CONFIRM)
    script.run(2.0, learning_rate=0.3)
    assert [(one.params["learning_rate"], one.value) for one in told(script)] == [
        (0.2, 1.0),
        (0.3, 2.0),
    ]


@pytest.mark.parametrize(("goal", "worst"), [("minimize", 3.0), ("maximize", 1.0)])
def test_stand_ins_are_the_worst_that_finished(goal: Any, worst: float) -> None:
    fates = (Fate.CUT, Fate.LOST, Fate.PARKED, Fate.OPEN)
    found = [Outcome({}, Fate.DONE, value) for value in (2.0, 1.0, 3.0)]
    found += [Outcome({}, fate, curve={1: 99.0}) for fate in fates]
    stood = with_stand_ins(found, Metric(name="eval_loss", goal=goal))
    assert [one.value for one in stood] == [2.0, 1.0, 3.0, worst, worst, worst, None]
    assert [one.fate for one in stood] == [Fate.DONE] * 6 + [Fate.OPEN]


@pytest.mark.parametrize(
    ("goal", "early", "stand_in"),
    [
        ("minimize", 5.0, 1.0),  # level with the best there
        ("minimize", 5.5, 2.0),
        ("minimize", 9.0, 3.0),  # behind all
        ("minimize", math.nan, 3.0),
        ("maximize", 9.0, 3.0),
        ("maximize", 5.5, 1.0),
    ],
)
def test_a_parked_trial_stands_where_it_stood_among_those_that_finished(
    goal: Any, early: float, stand_in: float
) -> None:
    rows = [(2.0, 6.0), (1.0, 5.0), (3.0, 7.0)]
    found = [Outcome({}, Fate.DONE, value, {2: there, 5: value}) for value, there in rows]
    found.append(Outcome({}, Fate.PARKED, curve={1: 0.0, 2: early}))
    stood = with_stand_ins(found, Metric(name="eval_loss", goal=goal))
    assert stood[-1].value == stand_in
    assert stood[-1].fate is Fate.DONE


def test_parked_without_a_measurement_is_open() -> None:
    script = Script()
    parked = script.ask()
    script.end(parked, AttemptEnd.PAUSED, 0)
    assert [one.fate for one in told(script)] == [Fate.OPEN]


def test_before_anything_finished_there_is_no_stand_in() -> None:
    found = [Outcome({}, Fate.CUT), Outcome({}, Fate.LOST)]
    assert with_stand_ins(found, Metric(name="eval_loss", goal="minimize")) == found


def test_a_trial_that_breaks_a_limit_is_known_to_be_bad_and_no_value_is_told() -> None:
    script, spec = Script(), limited()
    base = script.ask(role=Role.BASE)
    finish(script, 0.1, 0.2)
    assert [one.fate for one in outcomes(spec, script.story)] == [Fate.DONE]
    script.say(base, make_report(POINTS, 9.0, metrics={KEPT: 0.8}))
    script.end(base)
    finish(script, 1.0, 0.8)
    finish(script, 2.0, 0.8)
    found = outcomes(spec, script.story)
    assert [(one.fate, one.value) for one in found] == [
        (Fate.CUT, None), (Fate.DONE, 1.0), (Fate.DONE, 2.0),
    ]  # fmt: skip
    # A model that learns from values alone is told the worst.
    assert [one.value for one in with_stand_ins(found, spec.spec.metric)] == [2.0, 1.0, 2.0]


def test_the_unseen_sets_are_not_told() -> None:
    data = {"train": "a", "eval": "b", "unseen": "c"}
    script = Script()
    number = script.ask()
    script.say(number, make_report(POINTS, 1.0, metrics={"unseen_loss": 7.0}))
    script.end(number)
    (one,) = told(script, workload={"model": {"tiny": "llama"}, "data": data})
    assert (one.value, one.curve) == (1.0, {POINTS: 1.0})
