"""Which trial comes next, as the conductor starts them."""

from __future__ import annotations

from typing import Any

from desk import HORIZON, PARTING, Desk, play, report, run_out

from sweeps.conductor import Command, Conductor
from sweeps.journal import Asked, Story
from sweeps.searchers import make_searcher
from sweeps.trial import Action, Role


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
