"""How attempts end, as the conductor journals it."""

from __future__ import annotations

import pytest
from desk import HORIZON, POINTS, Desk, report, run_out

from sweeps.conductor import Command
from sweeps.result import samples_run
from sweeps.trial import Action


@pytest.mark.parametrize(("raised", "end", "limit"), [(True, "failed", 2), (False, "lost", 6)])
def test_a_broken_attempt_is_tried_again_up_to_the_limit(
    raised: bool, end: str, limit: int
) -> None:
    desk = Desk(resources={"max_attempts": 2})
    desk.conductor.slots = 1
    for attempt in range(1, limit + 1):
        launch = desk.conductor.next()
        assert launch is not None
        assert (launch.trial.number, launch.attempt) == (0, attempt)
        desk.conductor.broke(0, attempt, "Traceback ...", raised=raised, fatal=False)
        assert desk.state(0) == ("FAILED" if attempt == limit else "PENDING")
    record = desk.story.trials[0]
    assert [attempt.ended for attempt in record.attempts] == [end] * limit
    assert record.reason == "Traceback ..."
    run_out(desk)
    assert desk.conductor.complete()


def test_lost_workers_and_raised_errors_are_counted_apart() -> None:
    desk = Desk(resources={"max_attempts": 2})
    desk.conductor.slots = 1
    for attempt, raised in enumerate([False, True, False, False, False, False], start=1):
        desk.conductor.next()
        desk.conductor.broke(0, attempt, "broken", raised=raised, fatal=False)
        assert desk.state(0) == "PENDING"
    desk.conductor.next()
    desk.conductor.broke(0, 7, "broken", raised=True, fatal=False)
    assert desk.state(0) == "FAILED"


def test_an_error_without_text_counts() -> None:
    desk = Desk(resources={"max_attempts": 2})
    for attempt in (1, 2):
        desk.conductor.slots = 1
        desk.conductor.next()
        desk.conductor.broke(0, attempt, "", raised=True, fatal=False)
    assert desk.state(0) == "FAILED"


def test_a_fatal_error_is_not_tried_again() -> None:
    desk = Desk()
    desk.conductor.next()
    desk.conductor.broke(0, 1, "SpecError: no such file", raised=True, fatal=True)
    assert desk.state(0) == "FAILED"


def test_attempts_lost_with_their_driver_do_not_count_against_the_trial() -> None:
    desk = Desk(resources={"max_attempts": 1})
    desk.conductor.next()
    for _ in range(5):
        desk = Desk(desk.entries, resources={"max_attempts": 1})
        desk.conductor.recover()
        assert desk.state(0) == "PENDING"
        desk.conductor.next()
    for attempt, state in ((6, "PENDING"), (7, "PENDING"), (8, "FAILED")):
        assert desk.state(0) == "RUNNING"
        desk.conductor.broke(0, attempt, "gone", raised=False, fatal=False)
        assert desk.state(0) == state
        desk.conductor.slots = 1
        desk.conductor.next()


def test_a_retried_trial_gets_all_its_attempts_again() -> None:
    desk = Desk(resources={"max_attempts": 2})
    desk.conductor.slots = 1
    for attempt in (1, 2):
        desk.conductor.next()
        desk.conductor.broke(0, attempt, "oom", raised=True, fatal=False)
    assert desk.state(0) == "FAILED"
    desk.conductor.command(Command("r", "retry_trial", 0))
    for attempt, state in ((3, "PENDING"), (4, "FAILED")):
        desk.conductor.next()
        desk.conductor.broke(0, attempt, "oom", raised=True, fatal=False)
        assert desk.state(0) == state


def test_recovery_keeps_a_verdict_already_given() -> None:
    desk = Desk()
    desk.verdicts[0, 2] = Action.STOP
    desk.conductor.next()
    desk.conductor.reported(0, 1, report(1))
    desk.conductor.reported(0, 1, report(2))
    again = Desk(desk.entries)
    again.conductor.recover()
    assert again.state(0) == "STOPPED"
    assert again.story.trials[0].reason == "pruned"


def test_recovery_takes_a_trial_that_reported_its_last_point_as_finished() -> None:
    desk = Desk()
    desk.conductor.next()
    for point in range(1, POINTS + 1):
        desk.conductor.reported(0, 1, report(point))
    again = Desk(desk.entries)
    again.conductor.recover()
    assert again.state(0) == "DONE"


def test_recovery_parks_what_was_told_to_pause() -> None:
    desk = Desk()
    desk.verdicts[0, 1] = Action.PAUSE
    desk.conductor.next()
    desk.conductor.reported(0, 1, report(1))
    again = Desk(desk.entries)
    again.conductor.recover()
    assert again.state(0) == "PAUSED"


@pytest.mark.parametrize("saves", [True, False])
def test_recovery_counts_what_was_told_to_pause_as_its_worker_would_have(saves: bool) -> None:
    """One whose recipe has nothing to save runs it all again, and what is counted says so."""

    def told(crash: bool) -> int:
        desk = Desk()
        desk.verdicts[0, 2] = Action.PAUSE
        desk.conductor.next()
        for point in (1, 2):
            said = report(point).model_copy(update={"saves": saves})
            desk.conductor.reported(0, 1, said)
        if crash:
            desk = Desk(desk.entries)
            desk.conductor.recover()
        else:
            desk.conductor.saved(0, 1, 128, 1.0, kept=saves)
        desk.comebacks = [0]
        assert desk.conductor.next()
        desk.conductor.finished(0, 2, HORIZON, 1.0)
        return samples_run(desk.story.trials[0])

    assert told(crash=True) == told(crash=False) == HORIZON + (0 if saves else 128)
