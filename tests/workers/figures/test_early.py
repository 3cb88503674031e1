from __future__ import annotations

import math

from figure_stories import at, every_fate, ruled
from stories import Script, make_report, make_spec

from sweeps.journal import Story
from sweeps.trial import Action
from workers.figures.early import early, early_signal
from workers.figures.shapes import Mark


def test_pairs_and_the_rug_exactly() -> None:
    spec, story = every_fate()
    figure = early(spec, story)
    (panel,) = figure.panels
    places = [(mark.look, mark.x, round(mark.y, 6)) for mark in panel.marks]
    assert places == [
        ("finished", 2.5, 1.5),
        # It reported nothing at the rung: the report before it counts.
        ("finished", 11.0, 1.8),
        ("audited", 3.0, 2.5),
        ("best", 2.0, 1.0),
        *[("rug", value, 0.88) for value in (3.5, 5.0, 10.0)],
    ]
    assert figure.title == (
        "Early eval_loss (at 20% of the run) against the final eval_loss: rank agreement +0.80 "
        "over 4 finished trials"
    )
    assert panel.x.title == "eval_loss at 20% of the run"
    assert (
        "The ticks at the foot are 3 trials without a final: an early value only." in figure.notes
    )
    assert "1 trials have no finite early value and are not shown." in figure.notes
    assert any(note.startswith("Audits: 0 of 1 would") for note in figure.notes)


def test_the_words_of_a_point() -> None:
    spec, story = every_fate()
    best = early(spec, story).panels[0].marks[3]
    name = "trial 0 (global_batch_size: 10, learning_rate: 0.1)"
    assert best == Mark("best", 2.0, 1.0, f"{name}: eval_loss 2 early, final eval_loss 1")


def test_the_signal_is_the_one_that_most_were_judged_by() -> None:
    script = Script()
    for signal in ("grad_norm", "metric", "metric"):
        number = script.ask()
        script.say(number, at(1, 1.0), ruled(Action.CONTINUE, "loss", peers=0))
        script.say(number, at(3, 1.0), ruled(Action.CONTINUE, signal))
    records = list(script.story.trials.values())
    assert early_signal(make_spec(), records) == ("eval_loss", 3)


def test_without_verdicts_it_is_the_metric_or_the_loss_at_a_quarter() -> None:
    script = Script()
    number = script.ask()
    script.say(number, make_report(1, None))
    assert early_signal(make_spec(), [script.story.trials[0]]) == ("loss", 2)
    script.say(number, make_report(2, 1.0))
    assert early_signal(make_spec(), [script.story.trials[0]]) == ("eval_loss", 2)


def test_few_finals_are_no_agreement() -> None:
    script = Script()
    for value in (1.0, 2.0, 3.0):
        number = script.ask()
        script.say(number, at(2, value))
        script.say(number, at(10, value))
        script.end(number)
    title = early(make_spec(), script.story).title
    assert title.endswith("too little to tell a rank agreement over 3 finished trials")


def test_a_turned_signal_has_the_sign_turned() -> None:
    script = Script()
    for value in (1.0, 2.0, 3.0, 40.0):
        number = script.ask()
        script.say(number, at(2, value))
        script.say(number, at(10, -value))
        script.end(number)
    figure = early(make_spec(), script.story)
    assert "rank agreement -1.00" in figure.title
    assert figure.panels[0].x.log
    assert not figure.panels[0].y.log


def test_before_there_is_a_pair_there_is_nothing_to_draw() -> None:
    script = Script()
    script.run(math.inf)
    script.ask()
    for story in (Story(), script.story):
        figure = early(make_spec(), story)
        assert not figure.panels
        assert figure.notes[0].startswith("No trial has both")
