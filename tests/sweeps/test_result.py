from __future__ import annotations

import math

import pytest
from panels import base_row, finish, limited
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
    assert found.recommendation.startswith("Trial 1 has the best eval_loss of 3 single runs")
    assert (found.winner, found.recommended) == (None, 1)


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


def test_an_attempt_that_left_without_a_save_is_counted_whole() -> None:
    """A command with `resumes: false`: what it ran before a pause is run again."""
    script = Script()
    trial = script.ask()
    script.end(trial, AttemptEnd.PREEMPTED, 300, kept=False)
    script.start(trial)
    script.end(trial, AttemptEnd.PAUSED, 600, kept=False)
    script.start(trial)
    script.end(trial)
    assert samples_run(script.story.trials[trial]) == 300 + 600 + 1000


def test_an_attempt_that_leaves_before_its_first_step_takes_nothing_from_the_save() -> None:
    script = Script()
    trial = script.ask()
    for samples in (300, 0):
        script.end(trial, AttemptEnd.PREEMPTED, samples)
        script.start(trial)
    script.end(trial)
    assert samples_run(script.story.trials[trial]) == 1000


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


def test_base_preset_and_confirm_runs_are_rows_of_their_own() -> None:
    script = Script()
    script.run(2.0)
    for role, value in ((Role.BASE, 3.0), (Role.PRESET, 2.5), (Role.CONFIRM, 2.25)):
        number = script.ask(role=role)
        script.say(number, make_report(10, value))
        script.end(number, samples=0 if role is Role.BASE else 1000)
    spec = make_spec(confirm={"top": 1, "seeds": 1})
    found = make_result(spec, script.story)
    assert [row.trial for row in found.ranking] == [0]
    assert (found.ranking[0].final, found.ranking[0].mean) == (2.0, 2.25)
    assert found.counts["DONE"] == 1
    assert [(row.role, row.difference) for row in found.beside] == [
        (Role.BASE, 0.75), (Role.PRESET, 0.25), (Role.CONFIRM, 0.0),
    ]  # fmt: skip
    assert (found.samples_run, found.compute_saved) == (1000, 0.0)
    assert found.samples_beside == {"base": 0, "preset": 1000, "confirm": 1000}


def test_a_search_over_seeds_has_a_winner_once_nothing_runs_any_more() -> None:
    script, last = Script(), 0
    for rate, seed, value in ((0.1, 1, 1.0), (0.2, 1, 5.0), (0.1, 2, 1.1), (0.2, 2, 5.1)):
        script.run(value, learning_rate=rate, seed=seed)
    for rate, value in ((0.1, 0.9), (0.2, 4.9)):
        last = script.ask(learning_rate=rate, seed=3)
        assert make_result(make_spec(), script.story).winner is None
        script.say(last, make_report(10, value))
        script.end(last)
    found = make_result(make_spec(), script.story)
    assert [(row.trial, row.runs, row.basis) for row in found.ranking] == [
        (4, 3, "seeds"), (5, 3, "seeds"),
    ]  # fmt: skip
    assert found.winner == 4
    assert "Trial 4 is best: eval_loss 1 (standard error 0.058 over 3 runs)" in found.recommendation


def test_there_is_a_winner_only_once_all_confirmation_runs_are_over() -> None:
    script = Script()
    for rate, value in ((0.1, 1.0), (0.2, 2.0)):
        script.run(value, learning_rate=rate)
    spec = make_spec(confirm={"top": 2, "seeds": 2})
    for number, again in enumerate((1.0, 2.0, 1.01, 2.01)):
        found = make_result(spec, script.story)
        assert found.winner is None, number
        assert "Not all confirmation runs are over." in found.recommendation
        run = script.ask(role=Role.CONFIRM, learning_rate=0.1 if number % 2 == 0 else 0.2)
        script.say(run, make_report(10, again))
        script.end(run)
    found = make_result(spec, script.story)
    assert found.winner == 0
    assert found.recommendation.startswith("Trial 0 is best: eval_loss 1.005 (standard error 0.005")
    assert Result.model_validate_json(found.model_dump_json()) == found


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


def test_a_trial_that_breaks_a_limit_is_never_the_winner() -> None:
    script = Script()
    base_row(script)
    finish(script, 0.1, 0.2)
    finish(script, 1.0, 0.8)
    found = make_result(limited(), script.story)
    assert found.best is not None
    assert (found.best.trial, found.recommended, found.winner) == (2, 2, None)
    assert [row.trial for row in found.ranking] == [2, 1]
    assert found.recommendation.startswith("Trial 2 is the only one that finished within max_drop")
    assert any(
        note.startswith("Trial 1 breaks max_drop and cannot win: eval_kept_accuracy is worse")
        for note in found.notes
    )
    (base,) = found.beside
    assert (base.drops, base.difference) == ({}, 8.0)
    assert base.scores == {"eval_loss": 9.0, "eval_kept_accuracy": 0.8}


def test_when_every_trial_breaks_a_limit_there_is_no_best() -> None:
    script = Script()
    base_row(script)
    finish(script, 0.1, 0.2)
    found = make_result(limited(), script.story)
    assert (found.best, found.recommended, found.winner) == (None, None, None)
    assert len(found.ranking) == 1
    assert (
        found.no_best_because == "Every trial that finished breaks max_drop (eval_kept_accuracy)."
    )
    assert found.recommendation == f"No recommendation. {found.no_best_because}"


def test_without_the_base_models_scores_nobody_can_win() -> None:
    script = Script()
    base_row(script, None)
    finish(script, 0.1, 0.8)
    found = make_result(limited(), script.story)
    assert found.best is None
    assert "has not been evaluated" in str(found.no_best_because)
    assert any("`sweepctl retry` runs it again" in note for note in found.notes)


def test_the_best_of_those_that_keep_to_the_limits_wins_its_comparison() -> None:
    """A winner differs from each of the others that may win; one that may not is no rival."""
    script, spec = Script(), limited(confirm={"top": 3, "seeds": 3})
    base_row(script)
    for loss, rate in ((0.5, 0.1), (1.0, 0.2), (2.0, 0.3)):
        finish(script, loss, 0.8, learning_rate=rate)
    for seed in range(3):
        for loss, kept, rate in ((0.5, 0.1, 0.1), (1.0, 0.8, 0.2), (2.0, 0.8, 0.3)):
            finish(script, loss + seed / 100, kept, Role.CONFIRM, learning_rate=rate)
    found = make_result(spec, script.story)
    assert found.winner == 2
    assert [(row.trial, bool(row.over)) for row in found.ranking] == [
        (2, False), (3, False), (1, True),
    ]  # fmt: skip


def test_the_result_says_what_it_is_ranked_by() -> None:
    data = {"train": "a", "eval": "b", "unseen": "c"}
    spec = make_spec(workload={"model": {"tiny": "llama"}, "data": data})
    script = Script()
    for role, dev, unseen in ((Role.BASE, 3.0, 4.0), (Role.SEARCH, 1.0, 1.5)):
        number = script.ask(role=role)
        script.say(number, make_report(10, dev, metrics={"unseen_loss": unseen}))
        script.end(number)
    found = make_result(spec, script.story)
    assert (found.metric.name, found.ranked_by) == ("eval_loss", "unseen_loss")
    assert found.best is not None
    assert (found.best.final, found.best.mean) == (1.0, 1.5)
    (base,) = found.beside
    assert (base.final, base.difference) == (4.0, 2.5)
    assert make_result(make_spec(), script.story).ranked_by == "eval_loss"
