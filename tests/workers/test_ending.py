from __future__ import annotations

import pytest
from tests_support import toy_spec

from service.schemas import FinishRequest
from sweeps.conductor import Command, Conductor
from sweeps.journal import Body, Story, apply
from sweeps.lifecycle import SweepState
from sweeps.result import make_result
from sweeps.searchers import make_searcher
from sweeps.trial import GO_ON
from workers.ending import MESSAGE_CHARACTERS, Ending, ending


@pytest.fixture
def conductor() -> Conductor:
    story = Story()

    def append(body: Body) -> None:
        apply(story, body)
        story.seq += 1

    spec = toy_spec(resources={"max_attempts": 1})
    return Conductor(spec, story, make_searcher(spec, 320), lambda *_: GO_ON, append)


def play(conductor: Conductor, how: str) -> None:
    launch = conductor.next()
    assert launch is not None
    if how == "done":
        conductor.finished(launch.trial.number, launch.attempt, 320, 1.0)
    else:
        error = "Traceback ...\nValueError: no rows"
        number = launch.trial.number
        conductor.broke(number, launch.attempt, error, raised=True, fatal=True)


def test_done(conductor: Conductor) -> None:
    for how in ("done", "broken", "done", "done"):
        play(conductor, how)
    assert ending(conductor).state == "DONE"
    assert ending(conductor).message == make_result(conductor.spec, conductor.story).recommendation


def test_a_finished_sweep_says_where_the_weights_of_its_best_trial_are(
    conductor: Conductor,
) -> None:
    for how in ("done", "broken", "done", "done"):
        play(conductor, how)
    end = ending(conductor, {2: "/storage/step-1", 0: "/other"})
    assert end.message.endswith(" The weights of trial 2: /storage/step-1")
    assert end.weights == {2: "/storage/step-1", 0: "/other"}


def test_failed_when_no_trial_came_through(conductor: Conductor) -> None:
    for _ in range(4):
        play(conductor, "broken")
    end = ending(conductor)
    assert end.state == "FAILED"
    assert "ValueError: no rows" in end.message


def test_a_message_too_long_for_the_service_is_cut(conductor: Conductor) -> None:
    for _ in range(4):
        launch = conductor.next()
        assert launch is not None
        number = launch.trial.number
        error = "ValueError: " + "\ud800" + "x" * 9000
        conductor.broke(number, launch.attempt, error, raised=True, fatal=True)
    end = ending(conductor)
    request = FinishRequest(token=1, state="FAILED", message=end.message)
    assert FinishRequest.model_validate_json(request.model_dump_json()) == request
    assert len(end.message) == MESSAGE_CHARACTERS
    assert end.message.startswith("Every trial failed. The first one: ValueError: ?xxx")
    assert end.message.endswith("(cut here)")


def test_a_message_that_just_fits_is_left_alone() -> None:
    text = "x" * MESSAGE_CHARACTERS
    assert Ending(SweepState.DONE, text).message == text
    assert Ending(SweepState.DONE, text) == Ending(SweepState.DONE, text)


def test_left_half_way(conductor: Conductor) -> None:
    play(conductor, "done")
    assert ending(conductor).state is None


@pytest.mark.parametrize(("kind", "state"), [("pause", "PAUSED"), ("cancel", "CANCELLED")])
def test_by_the_user(conductor: Conductor, kind: str, state: str) -> None:
    play(conductor, "done")
    conductor.command(Command("c", kind))
    assert ending(conductor).state == state
