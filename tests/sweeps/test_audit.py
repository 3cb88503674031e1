from __future__ import annotations

import math
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st
from panels import KEPT, base_row, limited
from stories import Script, make_report, make_spec

from sweeps.audit import (
    condemned_at,
    false_kill,
    is_audit,
    is_condemned,
    measured,
    per_trial,
    wilson,
)
from sweeps.journal import Judged, Story
from sweeps.lifecycle import AttemptEnd
from sweeps.spec import SweepSpec
from sweeps.trial import GO_ON, Action, Evidence, Role, Verdict

SPEC = make_spec(pruning={"type": "early_dynamics", "risk": 0.1, "tolerance": 0.02})


def said(
    action: Action = Action.CONTINUE,
    *,
    audit: bool = False,
    chance: float | None = None,
    reason: str | None = None,
    **details: float | None,
) -> Verdict:
    """A verdict as `early_dynamics` gives it."""
    evidence = Evidence(signal="eval_loss", value=1.0, probability=chance, details=details)
    reason = reason or ("audit" if audit else "early_dynamics")
    return Verdict(action=action, reason=reason, message="So.", evidence=evidence, audit=audit)


def through(
    script: Script, final: float, verdict: Verdict = GO_ON, role: Role = Role.SEARCH
) -> int:
    """A trial that is judged at point 2, runs to its end and reports `final` there."""
    number = script.ask(role)
    script.say(number, make_report(2, final + 1), verdict)
    script.say(number, make_report(10, final))
    script.end(number)
    return number


def parked(script: Script, stopped: Verdict | None = None, **details: float) -> int:
    """A trial that is parked at point 2, and stopped for good by `stopped` when that is given."""
    number = script.ask()
    script.say(number, make_report(2, 3.0), said(Action.PAUSE, **details))
    script.end(number, AttemptEnd.PAUSED, 200)
    if stopped is not None:
        script.add(Judged(trial=number, verdict=stopped))
    return number


def test_nothing_has_happened_yet() -> None:
    found = measured(SPEC, Story())
    assert (found.condemned, found.audited, found.finished, found.false_kills) == (0, 0, 0, 0)
    known = (found.rate, found.low, found.high, found.estimate, found.expected, found.agreement)
    assert known == (None,) * 6


def test_a_false_kill_is_an_audit_that_ends_better_than_all_that_were_kept() -> None:
    script = Script()
    for final in (1.0, 2.0, 3.0):
        through(script, final)
    through(script, 0.5, said(audit=True))
    through(script, 1.5, said(audit=True))
    parked(script, said(Action.STOP, reason="parked"))
    parked(script)
    found = measured(SPEC, script.story)
    assert (found.condemned, found.audited, found.finished, found.false_kills) == (4, 2, 2, 1)
    assert found.rate == 0.5
    assert (found.low, found.high) == wilson(1, 2)


def test_better_by_less_than_the_tolerance_is_no_false_kill() -> None:
    script = Script()
    for final in (1.0, 2.0, 3.0):
        through(script, final)
    # The median of all finals is 1.5 then, so the regret of the best kept one is 0.005 / 0.505.
    through(script, 0.995, said(audit=True))
    assert measured(SPEC, script.story).false_kills == 0
    strict = make_spec(pruning={"type": "early_dynamics", "tolerance": 0.005})
    assert measured(strict, script.story).false_kills == 1


def test_the_metric_may_be_one_to_maximize() -> None:
    spec = make_spec(
        metric={"name": "eval_loss", "goal": "maximize"}, pruning={"type": "early_dynamics"}
    )
    script = Script()
    for final in (1.0, 2.0, 3.0):
        through(script, final)
    through(script, 5.0, said(audit=True))
    through(script, 0.1, said(audit=True))
    assert measured(spec, script.story).false_kills == 1


def test_before_anything_that_was_kept_has_finished_there_is_no_rate() -> None:
    script = Script()
    through(script, 1.0, said(audit=True))
    found = measured(SPEC, script.story)
    assert (found.finished, found.false_kills, found.rate, found.low) == (1, 0, None, None)


def test_audits_that_run_or_have_no_finite_final_are_not_judged() -> None:
    script = Script()
    through(script, 1.0)
    through(script, math.nan, said(audit=True))
    running = script.ask()
    script.say(running, make_report(2, 0.1), said(audit=True))
    failed = script.ask()
    script.say(failed, make_report(2, 0.1), said(audit=True))
    script.end(failed, AttemptEnd.FAILED, 200, gave_up=True, error="boom")
    found = measured(SPEC, script.story)
    assert (found.condemned, found.audited, found.finished, found.rate) == (3, 3, 0, None)


def test_a_kept_trial_without_a_finite_final_is_no_measure() -> None:
    script = Script()
    through(script, math.nan)
    through(script, 1.0, said(audit=True))
    assert measured(SPEC, script.story).rate is None


def test_trials_of_another_role_are_left_out() -> None:
    script = Script()
    through(script, 2.0)
    for role in (Role.BASE, Role.PRESET, Role.CONFIRM):
        through(script, 0.1, role=role)
    through(script, 1.0, said(audit=True))
    found = measured(SPEC, script.story)
    assert (found.condemned, found.audited, found.false_kills) == (1, 1, 1)


def test_who_is_condemned() -> None:
    script = Script()
    revived = parked(script)
    script.add(Judged(trial=revived, verdict=said()))
    back = parked(script)
    script.add(Judged(trial=back, verdict=said()))
    script.start(back)
    script.say(back, make_report(10, 1.0))
    script.end(back)
    broken = script.ask()
    guard = Verdict(action=Action.STOP, reason="diverged", message="It diverged.")
    script.stop(broken, 300, guard)
    by_user = script.ask()
    script.stop(by_user, 300)
    waits, over = parked(script), parked(script, said(Action.STOP, reason="parked"))
    audit = through(script, 2.0, said(audit=True))
    trials = script.story.trials
    found = {number for number, record in trials.items() if is_condemned(SPEC, record)}
    assert found == {waits, over, audit}
    assert [n for n, record in trials.items() if is_audit(record)] == [audit]
    assert [condemned_at(SPEC, trials[n]) for n in (waits, over, audit, back)] == [2, 2, 2, None]


@pytest.mark.parametrize("pruner", ["median", "halving", "recipe"])
def test_pruners_without_audits_have_a_count_alone(pruner: str) -> None:
    script = Script()
    for final in (1.0, 2.0, 3.0, 4.0):
        through(script, final)
    script.stop(script.ask(), 300, Verdict(action=Action.STOP, reason=pruner, message="Worse."))
    found = measured(make_spec(pruning={"type": pruner}), script.story)
    assert (found.condemned, found.audited, found.rate) == (1, 0, None)
    assert (found.estimate, found.expected, found.agreement) == (None, None, None)


def test_the_estimate_is_the_one_that_was_told_last() -> None:
    script = Script()
    through(script, 1.0, said(miss_risk=0.9))
    parked(script, miss_risk=0.3)
    parted = parked(script, miss_risk=0.19)
    found = measured(SPEC, script.story)
    assert found.estimate == 0.19
    assert found.expected == pytest.approx(0.1)
    # The end of a parked trial that repeats what it was parked for tells nothing new.
    script.say(script.ask(), make_report(2, 1.0), said(miss_risk=0.05))
    last = script.story.trials[parted].verdicts[2].evidence
    stop = Verdict(action=Action.STOP, reason="parked", message="Over.", evidence=last)
    script.add(Judged(trial=parted, verdict=stop))
    assert measured(SPEC, script.story).estimate == 0.05
    script.add(Judged(trial=1, verdict=said(Action.STOP, reason="parked", miss_risk=0.04)))
    assert measured(SPEC, script.story).estimate == 0.04


def test_of_parked_trials_that_are_stopped_one_by_one_the_first_tells_the_estimate() -> None:
    """The later ones tell of those that are left."""
    script = Script()
    waiting = [parked(script, miss_risk=0.5) for _ in range(3)]
    for number, risk in zip(waiting, (0.2, 0.1, 0.01), strict=True):
        stop = said(Action.STOP, reason="parked", miss_risk=risk)
        script.add(Judged(trial=number, verdict=stop))
    assert measured(SPEC, script.story).estimate == 0.2
    script.say(script.ask(), make_report(2, 1.0), said(miss_risk=0.3))
    assert measured(SPEC, script.story).estimate == 0.3


def test_what_was_expected_is_the_chance_that_the_audits_were_given() -> None:
    script = Script()
    through(script, 1.0)
    parked(script, miss_risk=0.19)
    parked(script, miss_risk=0.19)
    assert measured(SPEC, script.story).expected == pytest.approx(0.1)
    through(script, 2.0, said(audit=True, chance=0.02))
    through(script, 2.0, said(audit=True, chance=0.04))
    running = script.ask()
    script.say(running, make_report(2, 1.0), said(audit=True, chance=0.9))
    assert measured(SPEC, script.story).expected == pytest.approx(0.03)
    through(script, 2.0, said(audit=True))
    assert measured(SPEC, script.story).expected == pytest.approx(0.1), "one was given no chance"


def test_agreement_is_as_told_else_of_the_first_chance_with_the_final() -> None:
    script = Script()
    for chance, final in ((0.9, 1.0), (0.5, 2.0), (0.2, 3.0)):
        through(script, final, said(chance=chance))
    assert measured(SPEC, script.story).agreement is None
    through(script, 4.0, said(chance=0.1))
    assert measured(SPEC, script.story).agreement == pytest.approx(1.0)
    through(script, 0.5, said(chance=0.05))
    assert measured(SPEC, script.story).agreement == pytest.approx(0.0)
    through(script, 9.0, said(chance=0.01, miss_risk=0.1, agreement=0.25))
    assert measured(SPEC, script.story).agreement == 0.25


def test_per_trial_is_the_chance_of_each_of_several() -> None:
    assert per_trial(0.19, 2) == pytest.approx(0.1)
    assert per_trial(0.1, 1) == pytest.approx(0.1)
    assert (per_trial(0.0, 5), per_trial(1.0, 5)) == (0.0, 1.0)
    assert per_trial(None, 5) is None
    assert per_trial(0.1, 0) is None


def test_wilson() -> None:
    """Newcombe (1998), Statistics in Medicine 17, table I, method 3: 81 of 263, 15 of 148, 0 of
    20, 1 of 29."""
    known = {(81, 263): (0.2553, 0.3662), (15, 148): (0.0624, 0.1605)}
    known |= {(0, 20): (0.0, 0.1611), (1, 29): (0.0061, 0.1718)}
    for (hits, trials), (low, high) in known.items():
        assert wilson(hits, trials) == pytest.approx((low, high), abs=5e-5)
    assert wilson(0, 0) == (0.0, 1.0)


@given(st.integers(1, 200), st.data())
def test_wilson_holds_the_share(trials: int, data: st.DataObject) -> None:
    hits = data.draw(st.integers(0, trials))
    low, high = wilson(hits, trials)
    assert 0 <= low <= hits / trials <= high <= 1
    assert low < high


def test_false_kill_by_hand() -> None:
    assert not false_kill(1.0, [], [1.0], 0.02)
    assert not false_kill(1.0, [1.0], [1.0, 1.0], 0.02)
    assert false_kill(0.0, [1.0], [1.0, 0.0], 0.02)
    assert false_kill(0.0, [1.0], [1.0, 0.0, 0.0], 0.02), "without a spread any loss is a loss"


def test_a_thousand_trials_are_measured_at_once() -> None:
    """A pruner may ask at every verdict."""
    script = Script()
    for number in range(1000):
        trial = script.ask()
        for point in range(1, 10):
            script.say(trial, make_report(point, 1.0), said(chance=0.5))
        script.say(trial, make_report(10, 1.0 + number), said(audit=number % 20 == 0))
        script.end(trial)
    assert _seconds(SPEC, script.story) < 0.1


def _seconds(spec: SweepSpec, story: Story) -> float:
    """The least of three."""
    times = []
    for _ in range(3):
        start = time.process_time()
        measured(spec, story)
        times.append(time.process_time() - start)
    return min(times)


def test_an_audit_that_breaks_a_limit_was_condemned_rightly() -> None:
    """It ends with the best loss of all; and a kept trial beyond the limit is no rival either."""
    spec, script = limited(pruning={"type": "early_dynamics"}), Script()
    base_row(script)

    def ends(loss: float, kept: float, verdict: Verdict) -> None:
        number = script.ask()
        script.say(number, make_report(2, loss + 1), verdict)
        script.say(number, make_report(10, loss, metrics={KEPT: kept}))
        script.end(number)

    for loss, kept in ((0.5, 0.1), (1.0, 0.8), (2.0, 0.8)):
        ends(loss, kept, GO_ON)
    ends(0.1, 0.1, said(audit=True))
    found = measured(spec, script.story)
    assert (found.finished, found.false_kills) == (1, 0)
    ends(0.8, 0.8, said(audit=True))  # better than 1.0, the best kept one that may win
    found = measured(spec, script.story)
    assert (found.finished, found.false_kills, found.rate) == (2, 1, 0.5)
