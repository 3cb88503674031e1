from __future__ import annotations

import math

import pytest
from panels import KEPT, METRIC, base_row, finish, limited
from stories import Script, make_report, make_spec

from sweeps.drops import goal_of, panel, scores_of
from sweeps.lifecycle import AttemptEnd
from sweeps.trial import Role, TrialRecord

NAN, INF = math.nan, math.inf


def records(script: Script) -> list[TrialRecord]:
    return list(script.story.trials.values())


@pytest.mark.parametrize(
    ("name", "goal"),
    [
        ("eval_loss", "minimize"),
        ("loss", "minimize"),
        ("eval_kept_loss", "minimize"),
        ("eval_wiki_word_perplexity", "minimize"),
        ("unseen_kept_accuracy", "maximize"),
        ("eval_mmlu_accuracy_norm", "maximize"),
        ("eval_exact_match", "maximize"),
        ("eval_arc_easy_acc_norm", "maximize"),
        ("eval_judge", "maximize"),
        ("eval/score", "maximize"),
        ("eval_loss_stderr", None),
        ("gloss", None),
        ("eval_speed", None),
    ],
)
def test_the_end_of_a_name_tells_which_way_is_better(name: str, goal: str | None) -> None:
    assert goal_of(name) == goal


@pytest.mark.parametrize(
    ("kept", "lost", "breaks"),
    [
        (0.9, -0.1, False),
        (0.8, 0.0, False),
        (0.7, 0.1, False),  # 0.8 - 0.7 is 0.10000000000000009 in floats
        (0.699, 0.101, True),
        (NAN, NAN, True),
        (-INF, NAN, True),
        (None, NAN, True),
    ],
)
def test_what_a_trial_lost(kept: float | None, lost: float, breaks: bool) -> None:
    script = Script()
    base_row(script)
    record = script.story.trials[finish(script, 1.0, kept)]
    found = panel(limited(), records(script))
    assert found.drops(scores_of([record])) == pytest.approx(
        {KEPT: lost, "eval_loss": -8.0}, nan_ok=True
    )
    assert found.over(scores_of([record])) == ([KEPT] if breaks else [])
    assert found.breaks(record) is breaks


def test_of_a_loss_a_drop_is_how_much_higher_it_is() -> None:
    script = Script()
    base_row(script)
    spec = limited(metric={**METRIC, "max_drop": {"eval_loss": 0.5}})
    good, bad = finish(script, 9.5, 0.1), finish(script, 9.6, 0.1)
    found = panel(spec, records(script))
    assert found.drops(scores_of([script.story.trials[bad]]))["eval_loss"] == pytest.approx(0.6)
    assert [found.breaks(script.story.trials[n]) for n in (good, bad)] == [False, True]


@pytest.mark.parametrize("base", [NAN, INF])
def test_a_base_that_is_not_finite_shows_nothing(base: float) -> None:
    script = Script()
    base_row(script, base)
    record = script.story.trials[finish(script, 1.0, 0.8)]
    assert panel(limited(), records(script)).breaks(record)


def test_before_the_base_is_evaluated_nothing_is_known() -> None:
    """Nobody is shown to keep the limit, and nobody to break it."""
    script = Script()
    record = script.story.trials[finish(script, 1.0, 0.0)]
    running = script.ask(role=Role.BASE)
    for found in (panel(limited(), [record]), panel(limited(), records(script))):
        assert found.base is None
        assert (found.breaks(record), found.over({KEPT: 0.0})) == (False, [KEPT])
    script.say(running, make_report(10, 9.0, metrics={KEPT: 0.8}))
    script.end(running)
    assert panel(limited(), records(script)).breaks(record)


def test_only_finished_trials_break_a_limit() -> None:
    script = Script()
    base_row(script)
    number = script.ask()
    script.say(number, make_report(5, 1.0, metrics={KEPT: 0.0}))
    assert not panel(limited(), records(script)).breaks(script.story.trials[number])
    script.end(number, AttemptEnd.PAUSED)
    assert not panel(limited(), records(script)).breaks(script.story.trials[number])


def test_without_limits_the_drops_are_shown_and_nothing_breaks() -> None:
    script = Script()
    base_row(script)
    record = script.story.trials[finish(script, 1.0, 0.0, metrics={"eval_speed": 3.0})]
    found = panel(make_spec(), records(script))
    assert found.drops(scores_of([record])) == {"eval_loss": -8.0, KEPT: 0.8}
    assert not found.breaks(record)


def test_at_the_end_the_unseen_halves_count() -> None:
    """`kept` has an unseen half, `other` has none and stays as it is."""
    data = {"train": "a", "eval": {"kept": "b", "other": "c"}, "unseen": {"kept": "d"}}
    spec = limited(
        workload={"model": {"tiny": "llama"}, "data": data},
        metric={**METRIC, "name": "eval_kept_accuracy", "max_drop": {KEPT: 0.1}},
    )
    script = Script()
    base_row(script, 0.8, unseen_kept_accuracy=0.6, eval_other_accuracy=0.5)
    more = {"unseen_kept_accuracy": 0.4, "eval_other_accuracy": 0.4}
    record = script.story.trials[finish(script, 1.0, 0.8, metrics=more)]
    along, end = (panel(spec, records(script), unseen=unseen) for unseen in (False, True))
    assert (along.limits, end.limits) == ({KEPT: 0.1}, {"unseen_kept_accuracy": 0.1})
    assert along.drops(scores_of([record])) == pytest.approx(
        {KEPT: 0.0, "eval_loss": -8.0, "eval_other_accuracy": 0.1}
    )
    assert end.drops(scores_of([record])) == pytest.approx(
        {"unseen_kept_accuracy": 0.2, "eval_loss": -8.0, "eval_other_accuracy": 0.1}
    )
    assert (along.breaks(record), end.breaks(record)) == (False, True)


def test_scores_of_several_runs_are_their_means() -> None:
    script = Script()
    runs = [script.story.trials[finish(script, loss, kept)] for loss, kept in ((1, 0.5), (2, 0.7))]
    assert scores_of(runs) == pytest.approx({"eval_loss": 1.5, KEPT: 0.6})
    broken = script.story.trials[finish(script, 1.0, NAN)]
    assert math.isnan(scores_of([*runs, broken])[KEPT])
    assert scores_of([*runs, script.story.trials[script.ask()]]) == {}
    assert scores_of([]) == {}
