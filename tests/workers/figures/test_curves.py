from __future__ import annotations

import math

import pytest
from figure_stories import at, every_fate, many
from stories import Script, make_report, make_spec

from sweeps.journal import Story
from workers.figures.curves import MOST_LINES, curves, wants_log
from workers.figures.shapes import Line, Mark


def test_one_trial_exactly() -> None:
    script = Script()
    script.ask(learning_rate=0.1)
    for point, value in ((1, 3.0), (2, 2.0)):
        script.say(0, at(point, value, 4.0))
    figure = curves(make_spec(), script.story)
    assert figure.title == "Curves of 1 trial: 0 ran to the end, 0 were stopped early"
    loss, norm, metric = figure.panels
    name = "trial 0 (global_batch_size: 10, learning_rate: 0.1)"
    assert loss.lines == (
        Line(
            "going",
            (100.0, 200.0),
            (3.0, 2.0),
            (f"{name}: loss 3 at 100 samples", f"{name}: loss 2 at 200 samples"),
        ),
    )
    assert norm.lines[0].y == (4.0, 4.0)
    assert metric.lines[0].y == (3.0, 2.0)
    assert not loss.marks
    assert [panel.y.title for panel in figure.panels] == [
        "training loss [nats per token]",
        "gradient norm, pre-clip [L2]",
        "eval_loss",
    ]


def test_marks_lie_on_the_lines_of_every_panel() -> None:
    spec, story = every_fate()
    figure = curves(spec, story)
    loss, norm, metric = figure.panels
    found = {(mark.look, mark.x, mark.y) for mark in metric.marks}
    assert found == {
        *{("verdict", 200.0, 2.0), ("verdict", 200.0, 2.5), ("audit", 200.0, 3.0)},
        *{("revive", 200.0, 3.5), ("stop", 400.0, 3.4), ("pause", 200.0, 5.0)},
        # The guard's report has no value: its marks lie at the last one.
        *{("broken", 200.0, 8.0), ("not_finite", 200.0, 8.0), ("broken", 100.0, 10.0)},
        # A single value is a point.
        *{("failed", 100.0, 10.0), ("stopped", 100.0, 8.0)},
        *{(role, 1000.0, 1.1) for role in ("base", "preset", "confirm")},
    }
    assert len(norm.marks) == len(loss.marks) - 2, "a norm is there where the loss is not finite"
    assert [line.look for line in loss.lines][-1] == "best", "the best is drawn over the others"
    assert "trial 0 ranks first by eval_loss" in figure.title
    assert "of 8 trials: 4 ran to the end, 2 were stopped early" in figure.title


def test_values_that_are_no_finite_numbers_are_gaps_with_a_mark() -> None:
    script = Script()
    script.ask()
    for point, value in enumerate([math.inf, 2.0, math.nan, -math.inf, 1.0], start=1):
        script.say(0, make_report(point, value))
    panel = curves(make_spec(), script.story).panels[-1]
    assert panel.lines[0].y == (None, 2.0, None, None, 1.0)
    assert [(mark.x, mark.y) for mark in panel.marks] == [(100, 2.0), (300, 2.0), (400, 2.0)]
    assert {mark.look for mark in panel.marks} == {"not_finite"}
    assert "eval_loss was -inf at 400 samples" in panel.marks[2].words


def test_a_signal_that_nobody_has_is_no_panel() -> None:
    script = Script()
    script.ask()
    script.say(0, make_report(1, None, norms=(None, None)))
    figure = curves(make_spec(), script.story)
    assert [panel.y.title for panel in figure.panels] == ["training loss [nats per token]"]
    assert figure.notes == ("No trial reported a gradient norm.",)


def test_a_metric_that_is_the_loss_is_one_panel() -> None:
    spec, story = every_fate()
    assert len(curves(make_spec(metric={"name": "loss", "goal": "minimize"}), story).panels) == 2
    assert len(curves(spec, story).panels) == 3


def test_before_any_report_there_is_nothing_to_draw() -> None:
    figure = curves(make_spec(), Story())
    assert not figure.panels
    assert figure.notes == ("No trial has reported anything yet.",)


def test_a_thousand_trials_are_capped_and_the_best_is_among_them() -> None:
    spec, story = many(1000)
    figure = curves(spec, story)
    lines = figure.panels[0].lines
    assert len(lines) == MOST_LINES
    assert lines[-1].look == "best"
    assert figure.notes[0].startswith("Drawn are 150 of 1,000 trials")


@pytest.mark.parametrize(
    ("values", "log"),
    [
        ([1.0, 5.0], False),
        ([1.0, 5.1], True),
        ([0.0, 11.0], False),
        ([-1.0, 5.0], False),
        ([], False),
    ],
)
def test_a_log_axis_is_for_positive_values_far_apart(values: list[float], log: bool) -> None:
    assert wants_log(values) is log


def test_a_mark_has_the_words_of_the_verdict() -> None:
    spec, story = every_fate()
    (mark,) = [mark for mark in curves(spec, story).panels[0].marks if mark.look == "pause"]
    assert isinstance(mark, Mark)
    assert mark.words == (
        "trial 5 (global_batch_size: 20, learning_rate: 0.3), 200 samples: It was told to pause."
    )
