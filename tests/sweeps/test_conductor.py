from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests_support import toy_spec

from sweeps.conductor import Command, Conductor, Mode
from sweeps.journal import Asked, Body, Entry, Story, apply, fold
from sweeps.lifecycle import TRIAL_ENDS
from sweeps.searchers import make_searcher
from sweeps.trial import Action, Evidence, Report, Role, StepRecord, Verdict
from sweeps.windows import make_window

HORIZON = 320
POINTS = 5
PARTING = Evidence(signal="loss", value=1.0, cutoff=0.5, peers=[0])


class Desk:
    """A conductor over a journal in memory; verdicts come from `rule`."""

    def __init__(self, entries: list[Entry] | None = None, **changes: Any) -> None:
        self.spec = toy_spec(**changes)
        self.entries = list(entries or [])
        self.story = fold(self.entries)
        self.verdicts: dict[tuple[int, int], Action] = {}
        searcher = make_searcher(self.spec, HORIZON)
        self.comebacks: list[int] = []
        self.asked_as_last: list[bool] = []
        self.conductor = Conductor(
            self.spec, self.story, searcher, self._judge, self._append, self._revive
        )
        self.conductor.slots = 2

    def _append(self, body: Body) -> None:
        apply(self.story, body)
        self.story.seq += 1
        entry = Entry(seq=self.story.seq, at="2026-01-01T00:00:00Z", body=body)
        self.entries.append(entry)

    def _judge(self, story: Story, number: int, report: Report) -> Verdict:
        action = self.verdicts.get((number, report.point), Action.CONTINUE)
        return Verdict(action=action, reason="test", message="As the test says.", evidence=PARTING)

    def _revive(self, story: Story, last: bool, more: bool) -> tuple[int, Verdict] | None:
        self.asked_as_last.append(last)
        parked = [n for n, r in story.trials.items() if n in self.comebacks and r.state == "PAUSED"]
        back = Verdict(action=Action.CONTINUE, reason="revived", message="As the test says.")
        return (parked[0], back) if parked else None

    def state(self, number: int) -> str:
        return str(self.story.trials[number].state)


def report(point: int) -> Report:
    step = StepRecord(point, point * 64, 1, 1.0, 1.0, 0.1)
    return Report(point=point, samples=point * 64, step=point, window=make_window([step]))


def run_out(desk: Desk) -> None:
    """Play every trial to its end as workers would."""
    while not desk.conductor.done():
        while desk.conductor.next():
            pass
        for number, record in list(desk.story.trials.items()):
            if record.state == "RUNNING":
                play(desk, number, record.attempts[-1].number)
    desk.conductor.close()


def play(desk: Desk, number: int, attempt: int) -> None:
    for point in range(1, POINTS + 1):
        verdict = desk.conductor.reported(number, attempt, report(point))
        action = verdict.action
        if action is Action.CONTINUE:
            action = desk.conductor.wish(number)
        if action is Action.STOP:
            return desk.conductor.stopped(number, attempt, point * 64, 1.0)
        if action is Action.PAUSE:
            return desk.conductor.saved(number, attempt, point * 64, 1.0)
    return desk.conductor.finished(number, attempt, HORIZON, 1.0)


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


def test_parked_trials_are_stopped_at_the_end() -> None:
    desk = Desk()
    desk.verdicts[2, 1] = Action.PAUSE
    run_out(desk)
    assert desk.state(2) == "STOPPED"
    last = desk.story.trials[2].verdicts[1]
    assert (last.reason, last.evidence) == ("parked", PARTING)
    assert last.message == "As the test says. No trial did badly enough to bring it back."
    assert desk.conductor.complete()


def test_a_revived_trial_goes_before_a_new_one_and_on_to_its_end() -> None:
    desk = Desk()
    desk.verdicts[0, 1] = Action.PAUSE
    desk.conductor.slots = 1
    desk.conductor.next()
    desk.conductor.reported(0, 1, report(1))
    desk.conductor.saved(0, 1, 64, 1.0)
    assert desk.state(0) == "PAUSED"
    desk.comebacks = [0]
    again = desk.conductor.next()
    assert again is not None
    assert (again.trial.number, again.attempt) == (0, 2)
    assert desk.story.trials[0].verdicts[1].reason == "revived"
    # Its parting report, told once more by the new attempt, does not park it again.
    assert desk.conductor.reported(0, 2, report(1)).action is Action.CONTINUE
    desk.conductor.finished(0, 2, HORIZON, 1.0)
    run_out(desk)
    assert desk.conductor.complete()
    assert len(desk.story.trials) == 4


def test_the_pruner_hears_when_it_is_asked_for_the_last_time() -> None:
    desk = Desk()
    desk.verdicts[0, 1] = Action.PAUSE
    desk.conductor.next()
    assert desk.asked_as_last == []  # nothing is parked
    run_out(desk)
    assert desk.asked_as_last[0] is False
    assert desk.asked_as_last[-1] is True
    assert desk.state(0) == "STOPPED"


def test_a_new_trial_costs_one_ask_of_the_searcher() -> None:
    """An ask of a Gaussian process over many trials takes a second."""
    desk, asks = Desk(), list[int]()
    searcher = make_searcher(desk.spec, HORIZON)

    class Counting:
        def ask(self, story: Story) -> Asked | None:
            asks.append(len(story.trials))
            return searcher.ask(story)

        def exhausted(self, story: Story) -> bool:
            return searcher.exhausted(story)

    conductor = Conductor(
        desk.spec, desk.story, Counting(), desk._judge, desk._append, desk._revive
    )
    assert conductor.next() is not None
    assert asks == [0]


def test_a_sweep_is_not_done_while_the_pruner_would_bring_a_trial_back() -> None:
    desk = Desk()
    desk.verdicts[2, 1] = Action.PAUSE
    desk.comebacks = [2]
    run_out(desk)
    assert [desk.state(n) for n in range(4)] == ["DONE"] * 4


def test_recovery_parks_what_was_told_to_pause() -> None:
    desk = Desk()
    desk.verdicts[0, 1] = Action.PAUSE
    desk.conductor.next()
    desk.conductor.reported(0, 1, report(1))
    again = Desk(desk.entries)
    again.conductor.recover()
    assert again.state(0) == "PAUSED"


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


def test_a_smaller_budget_ends_the_search_and_a_larger_one_goes_on() -> None:
    desk = Desk()
    desk.conductor.command(Command("b", "set_budget", trials=2))
    run_out(desk)
    assert len(desk.story.trials) == 2
    assert desk.conductor.complete()
    desk.conductor.command(Command("c", "set_budget", trials=3))
    assert not desk.conductor.done()
    run_out(desk)
    assert len(desk.story.trials) == 3


class Unsure:
    """A searcher that learns that nothing is left only when it is asked."""

    def ask(self, story: Story) -> None:
        return None

    def exhausted(self, story: Story) -> bool:
        return False


def test_a_searcher_that_finds_nothing_more_ends_the_sweep() -> None:
    desk = Desk()
    conductor = Conductor(desk.spec, desk.story, Unsure(), desk._judge, desk._append)
    assert conductor.next() is None
    assert conductor.done()


# The reports of a desk have a loss and no evaluation.
BY_LOSS: dict[str, Any] = {"metric": {"name": "loss", "goal": "minimize"}}
TWICE = {"confirm": {"top": 2, "seeds": 2}, **BY_LOSS}
ONCE = {"confirm": {"top": 1, "seeds": 1}, **BY_LOSS}


def confirming() -> Desk:
    """A desk whose search is over: four trials finished, alike."""
    desk = Desk(**TWICE)
    for number in range(4):
        desk.conductor.next()
        play(desk, number, 1)
    return desk


def test_a_sweep_paused_amid_its_confirmation_goes_on_with_it() -> None:
    desk = confirming()
    launch = desk.conductor.next()
    assert launch is not None
    assert (launch.trial.number, launch.trial.role) == (4, Role.CONFIRM)
    desk.conductor.command(Command("p", "pause"))
    assert desk.conductor.wish(4) is Action.PAUSE
    desk.conductor.saved(4, 1, 64, 1.0)
    assert desk.conductor.next() is None
    assert desk.conductor.done()
    assert not desk.conductor.complete()
    after = Desk(desk.entries, **TWICE)
    after.conductor.recover()
    run_out(after)
    assert after.conductor.complete()
    assert [after.state(n) for n in after.story.trials] == ["DONE"] * 8


def test_cancelled_amid_its_confirmation_it_ends() -> None:
    desk = confirming()
    desk.conductor.next()
    desk.conductor.command(Command("c", "cancel"))
    assert desk.conductor.wish(4) is Action.STOP
    desk.conductor.stopped(4, 1, 64, 1.0)
    assert desk.conductor.next() is None
    assert desk.conductor.complete()
    assert len(desk.story.trials) == 5


def test_parked_trials_are_stopped_before_anything_is_confirmed() -> None:
    desk = Desk(**ONCE)
    desk.verdicts[1, 2] = Action.PAUSE
    for number in range(4):
        desk.conductor.next()
        play(desk, number, 1)
    assert desk.state(1) == "PAUSED"
    assert not desk.conductor.done()
    launch = desk.conductor.next()
    assert launch is not None
    assert launch.trial.role is Role.CONFIRM
    assert (desk.state(1), desk.story.trials[1].reason) == ("STOPPED", "pruned")
    assert desk.asked_as_last[-1]


def test_one_that_is_brought_back_at_last_runs_before_anything_is_confirmed() -> None:
    desk = Desk(**ONCE)
    desk.verdicts[1, 2] = Action.PAUSE
    for number in range(4):
        desk.conductor.next()
        play(desk, number, 1)
    desk.comebacks = [1]
    launch = desk.conductor.next()
    assert launch is not None
    assert (launch.trial.number, launch.attempt) == (1, 2)
    assert desk.conductor.next() is None  # it runs: nothing is confirmed yet


def test_a_larger_budget_amid_confirmation_is_searched_first() -> None:
    desk = Desk(**ONCE, budget={"trials": 2})
    for number in range(2):
        desk.conductor.next()
        play(desk, number, 1)
    desk.conductor.next()
    assert desk.story.trials[2].trial.role is Role.CONFIRM
    desk.conductor.command(Command("more", "set_budget", trials=3))
    launch = desk.conductor.next()
    assert launch is not None
    assert (launch.trial.number, launch.trial.role) == (3, Role.SEARCH)
    play(desk, 2, 1)
    play(desk, 3, 1)
    run_out(desk)
    assert desk.conductor.complete()


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
