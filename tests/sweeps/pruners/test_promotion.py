"""How parked trials come back; with `halving`, whose rungs are at points 1, 3 and 9 of 10."""

from __future__ import annotations

import math
from typing import Any

import pytest
from panels import KEPT, base_row, limited
from stories import Script, make_report, make_spec

from sweeps.journal import CommandApplied, Judged
from sweeps.lifecycle import AttemptEnd, StopReason
from sweeps.pruners.halving import HalvingPruner
from sweeps.trial import GO_ON, Action, Role, Verdict

RULE = HalvingPruner(make_spec(pruning={"type": "halving"}))
PAUSE = Verdict(action=Action.PAUSE, reason="test", message="As the test says.")
STOP = Verdict(action=Action.STOP, reason="parked", message="As the test says.")


def park(script: Script, number: int, point: int, value: float) -> None:
    script.say(number, make_report(point, value), PAUSE)
    script.end(number, AttemptEnd.PAUSED, point * 100)


def parked(*values: float, point: int = 1, **params: Any) -> Script:
    script = Script()
    for value in values:
        park(script, script.ask(**params), point, value)
    return script


def revive(script: Script, number: int) -> None:
    """Journal the revival of a trial and start it."""
    script.add(Judged(trial=number, verdict=GO_ON))
    script.start(number)


def back(script: Script, *, last: bool = False) -> int | None:
    found = RULE.revive(script.story, last, not last)
    return None if found is None else found[0]


def finish(script: Script, number: int, value: float = 0.0) -> None:
    """From the point where it is to its end."""
    script.say(number, make_report(10, value))
    script.end(number)


def fail(script: Script, number: int) -> None:
    script.end(number, AttemptEnd.FAILED, 150, error="boom", gave_up=True)


def test_the_best_comes_back_once_enough_are_there() -> None:
    assert back(parked(4.0, 3.0)) is None
    assert back(parked(4.0, 3.0, 5.0)) == 1


def test_a_revival_says_why() -> None:
    found = RULE.revive(parked(4.0, 3.0, 5.0).story, False, True)
    assert found is not None
    verdict = found[1]
    assert (verdict.action, verdict.reason) == (Action.CONTINUE, "halving")
    assert verdict.message == (
        "At point 1 of 10 (100 samples) its eval_loss was 3. Of 3 trials that got here the best 1 "
        "go on, the last of them at 3. It was parked and goes on now."
    )
    assert (verdict.evidence.value, verdict.evidence.cutoff) == (3.0, 3.0)
    assert verdict.evidence.peers == [0, 2]


def test_one_that_went_on_keeps_its_place() -> None:
    script = parked(4.0, 3.0, 5.0)
    revive(script, 1)
    assert back(script) is None
    finish(script, 1)
    assert back(script) is None
    assert back(script, last=True) is None


def test_it_comes_back_when_others_disappoint() -> None:
    """Second best of four; two worse ones later it is among the best two of six."""
    script = parked(3.0, 4.0, 5.0, 6.0)
    revive(script, 0)
    assert back(script) is None
    park(script, script.ask(), 1, 7.0)
    assert back(script) is None
    park(script, script.ask(), 1, 8.0)
    assert back(script) == 1


def test_better_ones_that_come_later_take_no_place_away() -> None:
    script = parked(3.0, 4.0, 5.0)
    revive(script, 0)
    for value in (1.0, 2.0, 2.5):
        park(script, script.ask(), 1, value)
    assert back(script) == 3
    revive(script, 3)
    assert back(script) == 4


def test_equal_ones_come_back_together_the_first_of_them_first() -> None:
    script = parked(4.0, 4.0, 5.0)
    assert back(script) == 0
    revive(script, 0)
    assert back(script) == 1
    revive(script, 1)
    assert back(script) is None


def test_the_highest_rung_comes_first() -> None:
    script = parked(1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0)
    for number in (0, 1, 2):
        revive(script, number)
        park(script, number, 3, 9.0 - number)
    for _ in range(3):
        park(script, script.ask(), 1, 9.5)
    assert back(script) == 2
    revive(script, 2)
    assert back(script) == 3


@pytest.mark.parametrize("how", ["failed", "user", "guard", "nan_at_the_end"])
def test_one_that_broke_before_the_next_rung_frees_its_place(how: str) -> None:
    script = parked(4.0, 3.0, 5.0)
    revive(script, 1)
    if how == "failed":
        fail(script, 1)
    elif how == "user":
        script.add(CommandApplied(command="c", kind="stop_trial", trial=1))
        script.end(1, AttemptEnd.STOPPED, 150, stop_reason=StopReason.USER)
    elif how == "guard":
        script.say(1, make_report(2, 3.0, guard="non_finite_loss"), STOP)
        script.end(1, AttemptEnd.STOPPED, 150, stop_reason=StopReason.PRUNED)
    else:
        finish(script, 1, math.nan)
    found = RULE.revive(script.story, False, True)
    assert found is not None
    assert found[0] == 0
    assert "the best 1, not counting 1 that broke go on" in found[1].message
    assert found[1].evidence.details["broken"] == 1


def test_one_that_a_user_retries_takes_its_place_again() -> None:
    script = parked(4.0, 3.0, 5.0)
    revive(script, 1)
    fail(script, 1)
    script.add(CommandApplied(command="c", kind="retry_trial", trial=1))
    assert back(script) is None


def test_one_that_was_stopped_while_it_was_parked_frees_its_place_for_a_user_only() -> None:
    script = parked(4.0, 3.0, 5.0)
    script.add(Judged(trial=1, verdict=STOP))
    assert back(script) is None
    script = parked(4.0, 3.0, 5.0)
    script.add(CommandApplied(command="c", kind="stop_trial", trial=1))
    assert back(script) == 0


def test_one_that_broke_after_the_next_rung_frees_its_place_there() -> None:
    """Rung 1: 0 goes on before 1, both came from rung 0. When 0 breaks, 1 takes over, not 2."""
    script = parked(1.0, 2.0, 3.0, 4.0, 5.0, 6.0)
    for number in (0, 1):
        revive(script, number)
        park(script, number, 3, number + 1.0)
    assert back(script) is None
    assert back(script, last=True) == 0
    revive(script, 0)
    fail(script, 0)
    assert back(script) is None
    assert back(script, last=True) == 1


def test_at_the_end_every_rung_has_at_least_one_place() -> None:
    assert back(parked(4.0, 3.0)) is None
    assert back(parked(4.0, 3.0), last=True) == 1
    assert back(parked(4.0), last=True) == 0


def test_that_place_is_kept_even_when_another_trial_has_finished() -> None:
    """It was at no rung, so the two that were are not known to be worse."""
    script = parked(4.0, 3.0)
    finish(script, script.ask(), 1.0)
    assert back(script) is None
    assert back(script, last=True) == 1


def test_at_the_end_every_cohort_has_its_own() -> None:
    script = parked(4.0, 3.0)
    park(script, script.ask(lr_scheduler_type="cosine"), 1, 9.0)
    assert back(script, last=True) == 1
    revive(script, 1)
    finish(script, 1)
    assert back(script, last=True) == 2
    revive(script, 2)
    finish(script, 2)
    assert back(script, last=True) is None


def test_at_the_end_the_next_best_goes_on_when_all_better_ones_broke() -> None:
    """0 and 1 broke beyond the next rung, so no place of rung 0 is free; yet one must finish."""
    script = parked(1.0, 2.0, 4.0, 3.0, 5.0, 6.0)
    for number in (0, 1):
        revive(script, number)
        script.say(number, make_report(3, 1.0))
        fail(script, number)
    assert back(script) is None
    found = RULE.revive(script.story, True, False)
    assert found is not None
    assert found[0] == 3
    assert "no better one has come to its end" in found[1].message
    revive(script, 3)
    finish(script, 3)
    assert back(script, last=True) is None


def test_an_end_that_is_not_a_number_is_no_good_end() -> None:
    script = parked(1.0, 2.0, 3.0)
    revive(script, 0)
    script.say(0, make_report(3, 1.0))
    script.say(0, make_report(9, 1.0))
    finish(script, 0, math.nan)
    assert back(script) is None
    assert back(script, last=True) == 1


def test_a_report_of_a_tripped_guard_is_not_at_a_rung() -> None:
    script = parked(4.0, 3.0)
    number = script.ask()
    script.say(number, make_report(1, 9.0, guard="non_finite_loss"), STOP)
    script.end(number, AttemptEnd.STOPPED, 90, stop_reason=StopReason.PRUNED)
    assert back(script) is None


def test_other_roles_do_not_compete() -> None:
    script = parked(4.0, 3.0)
    script.say(script.ask(role=Role.PRESET), make_report(1, 9.0))
    assert back(script) is None


def test_judging_again_what_the_journal_holds_already_is_the_same() -> None:
    script = parked(4.0, 3.0)
    number = script.ask()
    first = RULE.judge(script.story, number, make_report(1, 9.0))
    script.say(number, make_report(1, 9.0), first)
    assert RULE.judge(script.story, number, make_report(1, 9.0)) == first


@pytest.mark.parametrize(("kept", "back_again"), [(0.8, None), (0.1, 2)])
def test_the_place_of_one_that_breaks_a_limit_goes_to_the_next(
    kept: float, back_again: int | None
) -> None:
    script, spec = Script(), limited(pruning={"type": "halving"})
    base_row(script)
    first = script.ask()
    script.say(first, make_report(1, 1.0))
    for value in (2.0, 3.0):
        park(script, script.ask(), 1, value)
    script.say(first, make_report(10, 1.0, metrics={KEPT: kept}))
    script.end(first)
    found = HalvingPruner(spec).revive(script.story, False, True)
    assert (None if found is None else found[0]) == back_again
