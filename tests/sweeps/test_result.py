from __future__ import annotations

import math

import pytest
from stories import Script, make_report, make_spec

from sweeps.journal import Asked, CommandApplied, Story, apply
from sweeps.lifecycle import AttemptEnd, TrialState
from sweeps.result import Result, make_result, samples_run
from sweeps.trial import Action, Role, Verdict

STOP = Verdict(action=Action.STOP, reason="median", message="Worse than the median.")


def test_a_sweep_that_ran_whole() -> None:
    script = Script()
    for value in (3.0, 1.0, 2.0):
        script.run(value)
    found = make_result(make_spec(), script.story)
    assert found.best is not None
    assert (found.best.trial, found.best.final) == (1, 1.0)
    assert found.no_best_because is None
    assert [row.trial for row in found.ranking] == [1, 2, 0]
    assert found.counts == {
        "PENDING": 0, "RUNNING": 0, "PAUSED": 0, "DONE": 3, "STOPPED": 0, "FAILED": 0,
    }  # fmt: skip
    assert found.compute_saved == 0.0
    assert found.samples_run == 3000
    assert found.recommendation.startswith("Trial 1 is best")


def test_compute_saved_counts_what_stopped_trials_did_not_run() -> None:
    script = Script()
    script.run(1.0)
    script.stop(script.ask(), 250, STOP)
    found = make_result(make_spec(), script.story)
    assert found.compute_saved == pytest.approx(1 - (1000 + 250) / 2000)


def test_compute_saved_counts_lost_attempts() -> None:
    script = Script()
    trial = script.ask()
    script.end(trial, AttemptEnd.LOST, 400)
    script.start(trial)
    script.say(trial, make_report(10, 1.0))
    script.end(trial)
    assert samples_run(script.story.trials[trial]) == 1400
    assert make_result(make_spec(), script.story).compute_saved == pytest.approx(-0.4)


def test_an_attempt_that_goes_on_from_a_save_is_not_counted_twice() -> None:
    script = Script()
    trial = script.ask()
    script.end(trial, AttemptEnd.PREEMPTED, 300)
    script.start(trial)
    script.end(trial, AttemptEnd.LOST, 500)
    script.start(trial)
    script.end(trial, AttemptEnd.PAUSED, 600)
    script.start(trial)
    script.end(trial)
    assert samples_run(script.story.trials[trial]) == 300 + 200 + 300 + 400


def test_a_running_attempt_counts_up_to_its_last_report() -> None:
    script = Script()
    trial = script.ask()
    assert samples_run(script.story.trials[trial]) == 0
    script.say(trial, make_report(3, 1.0))
    assert samples_run(script.story.trials[trial]) == 300
    assert make_result(make_spec(), script.story).compute_saved is None


def test_a_whole_last_step_is_not_a_loss() -> None:
    script = Script()
    script.run(1.0, global_batch_size=300)
    assert make_result(make_spec(), script.story).compute_saved == 0.0


@pytest.mark.parametrize(
    ("ends", "said"),
    [
        ([], "No trial has been asked yet."),
        ([None], "No trial has finished yet."),
        ([AttemptEnd.FINISHED], "No finished trial reported a finite eval_loss"),
        ([AttemptEnd.STOPPED, AttemptEnd.STOPPED], "None of the 2 trials finished"),
    ],
)
def test_no_best_has_a_reason(ends: list[AttemptEnd | None], said: str) -> None:
    script = Script()
    for end in ends:
        trial = script.ask()
        if end is not None:
            script.end(trial, end)
    found = make_result(make_spec(), script.story)
    assert found.best is None
    assert said in str(found.no_best_because)
    assert said in found.recommendation


def test_nan_never_wins() -> None:
    script = Script()
    script.run(math.nan)
    script.run(5.0)
    found = make_result(make_spec(), script.story)
    assert found.best is not None
    assert found.best.trial == 1
    assert [row.trial for row in found.unranked] == [0]


def test_base_and_confirm_runs_are_no_part_of_the_search() -> None:
    script = Script()
    script.run(2.0)
    base = script.ask(role=Role.BASE)
    script.say(base, make_report(10, 1.0))
    script.end(base)
    found = make_result(make_spec(), script.story)
    assert [row.trial for row in found.ranking] == [0]
    assert found.counts["DONE"] == 1


def test_a_result_survives_json_with_nan_in_it() -> None:
    script = Script()
    script.run(math.nan)
    script.say(script.ask(), make_report(1, math.nan))
    found = make_result(make_spec(), script.story)
    text = found.model_dump_json()
    back = Result.model_validate_json(text)
    assert back.model_dump_json() == text
    assert math.isnan(back.unranked[0].final or 0.0)
    assert math.isnan(back.best_so_far[0].best_so_far)


def test_an_empty_story_has_a_result() -> None:
    found = make_result(make_spec(), Story())
    assert (found.best, found.compute_saved, found.samples_run) == (None, None, 0)
    assert set(found.counts) == {state.value for state in TrialState}


def test_epochs_before_the_data_was_counted() -> None:
    """Without the length of a run there is no share of it that was saved."""
    story = Story()
    apply(story, Asked(trial=0, params={}))
    apply(story, CommandApplied(command="c", kind="cancel"))
    found = make_result(make_spec(horizon={"epochs": 1}), story)
    assert (found.counts["STOPPED"], found.compute_saved) == (1, None)
