from __future__ import annotations

import math

from figure_stories import at, every_fate
from stories import Script, make_report, make_spec

from sweeps.journal import Story
from workers.figures.heat import heat
from workers.figures.shapes import Axis, Cell


def test_every_cell_shows_a_final_or_that_it_has_none() -> None:
    spec, story = every_fate()
    figure = heat(spec, story)
    (panel,) = figure.panels
    shown = {(c.column, c.row): (c.value, c.label) for c in panel.cells}
    assert shown == {
        (0, 0): (1.0, "★ 1"),
        # Trial 1 ended at 1.5, trial 7 of the same cell at 1.8.
        (1, 0): (1.5, "1.5"),
        (2, 0): (2.5, "2.5"),
        (0, 1): (None, "3.4\nat 40%"),
        (1, 1): (None, "nan\nat 20%"),
        (2, 1): (None, "5\nat 20%"),
    }
    assert panel.x == Axis("learning_rate", ticks=((0.0, "0.1"), (1.0, "0.2"), (2.0, "0.3")))
    assert panel.y == Axis("global_batch_size", ticks=((0.0, "10"), (1.0, "20")))
    assert figure.title == (
        "Final eval_loss over learning_rate and global_batch_size: a trial finished in 3 of the 6 "
        "cells tried (lowest is best)"
    )
    assert any(note.startswith("Hatched") for note in figure.notes)
    first = "★: trial 0, which ranks first, by the mean 1.1 of 1 confirmation run."
    assert figure.notes[-1] == first


def test_the_words_name_the_trial_behind_a_cell() -> None:
    spec, story = every_fate()
    words = {(c.column, c.row): c.words for c in heat(spec, story).panels[0].cells}
    assert words[1, 0] == (
        "best of 2 finals, trial 1 (global_batch_size: 10, learning_rate: 0.2): final eval_loss 1.5"
    )
    assert words[2, 1] == (
        "trial 5 (global_batch_size: 20, learning_rate: 0.3) (paused) came to 20% of its run; its "
        "last eval_loss was 5"
    )


def test_best_is_by_the_goal() -> None:
    _, story = every_fate()
    spec = make_spec(metric={"name": "eval_loss", "goal": "maximize"})
    (panel,) = heat(spec, story).panels
    assert [c.value for c in panel.cells if (c.column, c.row) == (1, 0)] == [1.8]
    assert not panel.less_is_better


def test_nothing_is_invented_for_a_cell_without_a_value() -> None:
    script = Script()
    script.ask(learning_rate=0.1)
    script.ask(learning_rate=0.2)
    script.say(1, make_report(1, None, losses=(2.0, 2.0)))
    script.run(math.nan, learning_rate=0.3)
    (panel,) = heat(make_spec(), script.story).panels
    first, second, third = panel.cells
    assert first == Cell(0, 0, None, "no report", first.words)
    assert (second.value, second.label) == (None, "loss 2\nat 10%")
    assert (third.value, third.label) == (None, "nan\nat 100%")
    assert panel.y == Axis("", ticks=((0.0, "all trials"),)), "one axis is a strip"


def test_nothing_varied_is_no_figure() -> None:
    script = Script()
    script.ask()
    script.say(0, at(1, 1.0))
    for story in (script.story, Story()):
        figure = heat(make_spec(), story)
        assert not figure.panels
        assert figure.notes == ("No parameter differs between trials.",)
