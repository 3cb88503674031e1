from __future__ import annotations

from desk import HORIZON, POINTS, Desk, report, run_out
from hypothesis import given, settings
from hypothesis import strategies as st

from sweeps.conductor import Command, Mode
from sweeps.journal import fold
from sweeps.lifecycle import TRIAL_ENDS
from sweeps.trial import Action, Report


def test_a_quiet_sweep_runs_every_cell_once() -> None:
    desk = Desk()
    run_out(desk)
    assert [desk.state(n) for n in range(4)] == ["DONE"] * 4
    assert desk.conductor.complete()
    assert all(len(record.attempts) == 1 for record in desk.story.trials.values())


def test_no_more_than_slots_run_at_once() -> None:
    desk = Desk()
    desk.conductor.slots = 3
    assert [desk.conductor.next() is not None for _ in range(4)] == [True, True, True, False]


def test_fewer_slots_pause_the_newest_trials_which_go_on_later() -> None:
    desk = Desk()
    first, second = desk.conductor.next(), desk.conductor.next()
    assert first is not None
    assert second is not None
    desk.conductor.slots = 1
    assert desk.conductor.wish(first.trial.number) is Action.CONTINUE
    assert desk.conductor.wish(second.trial.number) is Action.PAUSE
    desk.conductor.saved(second.trial.number, second.attempt, 64, 1.0)
    assert desk.state(1) == "PENDING"
    desk.conductor.slots = 2
    again = desk.conductor.next()
    assert again is not None
    assert (again.trial.number, again.attempt) == (1, 2)


def test_a_repeated_point_is_answered_with_what_was_stored() -> None:
    desk = Desk()
    launch = desk.conductor.next()
    assert launch is not None
    first = desk.conductor.reported(0, 1, report(1))
    desk.verdicts[0, 1] = Action.STOP
    length = len(desk.entries)
    assert desk.conductor.reported(0, 1, report(1)) == first
    assert len(desk.entries) == length


def guarded(point: int) -> Report:
    return report(point).model_copy(update={"guard": "non_finite_loss"})


def test_a_guard_at_a_point_already_reported_is_taken_under_the_next_free_one() -> None:
    desk = Desk()
    desk.conductor.next()
    for point in (1, 2, 3):
        desk.conductor.reported(0, 1, report(point))
    desk.conductor.broke(0, 1, "gone", raised=False, fatal=False)
    desk.conductor.next()
    desk.verdicts[0, 4] = Action.STOP
    assert desk.conductor.reported(0, 2, guarded(2)).action is Action.STOP
    record = desk.story.trials[0]
    assert record.reports[4] == guarded(2).model_copy(update={"point": 4})
    assert record.reports[2] == report(2)
    desk.conductor.stopped(0, 2, 128, 1.0)
    assert record.reason == "pruned"
    assert fold(desk.entries) == desk.story


def test_a_guard_that_was_heard_is_not_journalled_twice() -> None:
    desk = Desk()
    desk.conductor.next()
    desk.verdicts[0, 2] = Action.STOP
    verdict = desk.conductor.reported(0, 1, guarded(2))
    desk.conductor.broke(0, 1, "gone before it obeyed", raised=False, fatal=False)
    desk.conductor.next()
    length = len(desk.entries)
    assert desk.conductor.reported(0, 2, guarded(2)) == verdict
    assert len(desk.entries) == length


def test_a_guard_after_every_point_was_reported_changes_nothing() -> None:
    desk = Desk()
    desk.conductor.next()
    for point in range(1, POINTS + 1):
        desk.conductor.reported(0, 1, report(point))
    length = len(desk.entries)
    assert desk.conductor.reported(0, 1, guarded(2)).action is Action.CONTINUE
    assert len(desk.entries) == length


def test_stop_of_a_running_and_of_a_waiting_trial() -> None:
    desk = Desk()
    desk.conductor.next()
    desk.conductor.command(Command("c1", "stop_trial", 0))
    desk.conductor.command(Command("c1", "stop_trial", 0))
    assert desk.conductor.wish(0) is Action.STOP
    desk.conductor.stopped(0, 1, 10, 1.0)
    assert desk.story.trials[0].reason == "user"
    desk.conductor.next()
    desk.conductor.broke(1, 1, "lost", raised=False, fatal=False)
    desk.conductor.command(Command("c2", "stop_trial", 1))
    assert desk.state(1) == "STOPPED"


def test_cancel_ends_everything() -> None:
    desk = Desk()
    desk.conductor.next()
    desk.conductor.command(Command("c", "cancel"))
    assert desk.conductor.next() is None
    assert desk.conductor.wish(0) is Action.STOP
    assert not desk.conductor.done()
    desk.conductor.stopped(0, 1, 10, 1.0)
    assert desk.conductor.done()
    assert desk.conductor.complete()


def test_pause_leaves_and_the_next_driver_resumes() -> None:
    desk = Desk()
    desk.conductor.next()
    desk.conductor.command(Command("c", "pause"))
    assert desk.conductor.wish(0) is Action.PAUSE
    desk.conductor.saved(0, 1, 64, 1.0)
    assert desk.conductor.done()
    assert not desk.conductor.complete()
    again = Desk(desk.entries)
    again.conductor.recover()
    run_out(again)
    assert again.conductor.complete()
    assert again.state(0) == "DONE"


def test_leaving_saves_and_gives_way() -> None:
    desk = Desk()
    desk.conductor.next()
    desk.conductor.mode = Mode.LEAVE
    assert desk.conductor.wish(0) is Action.PAUSE
    assert desk.conductor.next() is None
    desk.conductor.saved(0, 1, 64, 1.0)
    assert desk.conductor.done()
    assert not desk.conductor.complete()


@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_any_crash_any_order_ends_with_one_terminal_state_each(data: st.DataObject) -> None:
    desk = Desk(resources={"max_attempts": 3})
    points: dict[int, int] = {}
    for _ in range(data.draw(st.integers(0, 60))):
        if data.draw(st.integers(0, 9)) == 0:  # the driver dies; the next one folds the journal
            desk = Desk(desk.entries, resources={"max_attempts": 3})
            desk.conductor.recover()
        desk.conductor.next()
        running = [n for n, r in desk.story.trials.items() if r.state == "RUNNING"]
        if not running:
            continue
        number = data.draw(st.sampled_from(running))
        attempt = desk.story.trials[number].attempts[-1].number
        what = data.draw(st.sampled_from(["report", "report", "report", "broke", "saved", "stop"]))
        if what == "report":
            point = min(POINTS, points.get(number, 0) + 1)
            points[number] = point
            desk.conductor.reported(number, attempt, report(point))
            if point == POINTS:
                desk.conductor.finished(number, attempt, HORIZON, 1.0)
        elif what == "broke":
            points[number] = 0
            desk.conductor.broke(number, attempt, "gone", raised=False, fatal=False)
        elif what == "saved":
            desk.conductor.saved(number, attempt, 0, 0.0)
        else:
            desk.conductor.command(Command(f"stop-{number}", "stop_trial", number))
            desk.conductor.stopped(number, attempt, 0, 0.0)
    run_out(desk)
    assert desk.conductor.complete()
    assert len(desk.story.trials) == 4
    assert all(record.state in TRIAL_ENDS for record in desk.story.trials.values())
    assert fold(desk.entries) == desk.story
