from __future__ import annotations

from figure_stories import every_fate, many
from stories import HORIZON, Script, make_spec

from sweeps.journal import Story
from workers.figures.compute import audit_cost, compute
from workers.figures.shapes import Rule


def test_every_bar_exactly() -> None:
    spec, story = every_fate()
    figure = compute(spec, story)
    (panel,) = figure.panels
    names = dict(panel.x.ticks)
    bars = [(names[bar.x], bar.look, round(bar.start, 6), round(bar.size, 6)) for bar in panel.bars]
    assert bars == [
        ("7", "finished", 0, 100),
        ("7", "again", 100, 10),
        ("0", "best", 0, 100),
        ("1", "finished", 0, 100),
        ("2", "stopped", 0, 20),
        ("2", "audited", 20, 80),
        ("3", "stopped", 0, 40),
        ("4", "stopped", 0, 20),
        ("5", "going", 0, 20),
        ("6", "failed", 0, 10),
        # The base model trains nothing.
        ("preset 9", "preset", 0, 100),
        ("confirm 10", "confirm", 0, 100),
    ]
    assert panel.rules == (Rule(100.0, f"a whole run: {HORIZON:,} samples"),)


def test_the_title_says_what_was_saved_and_what_audits_cost() -> None:
    spec, story = every_fate()
    figure = compute(spec, story)
    # Ended: 0, 1, 2, 3, 4, 6 and 7 ran 4,800 of 7,000; the audit 800 of 8,000.
    assert figure.title == (
        "8 trials of the search: 31% of the compute was saved against running all of them to their "
        "ends, audits cost 10.0%"
    )
    assert "Not in that share: 2 confirm, preset runs of 2,000 samples (2.0 whole runs)." in (
        figure.notes
    )
    assert audit_cost(story.trials[2]) == 800
    assert audit_cost(story.trials[0]) == 0


def test_what_was_lost_may_cost_more_than_was_saved() -> None:
    script = Script()
    script.run(1.0)
    script.end(script.ask(), samples=1500)
    assert "25% more was run against running all" in compute(make_spec(), script.story).title


def test_a_thousand_bars_have_no_numbers() -> None:
    spec, story = many(200)
    (panel,) = compute(spec, story).panels
    assert not panel.x.ticks
    assert len(panel.bars) == 200
    assert panel.x.title == "trial, by samples run"


def test_nothing_ran_or_nobody_knows_how_long_a_run_is() -> None:
    assert compute(make_spec(), Story()).notes == ("No trial has run yet.",)
    unknown = compute(make_spec(horizon={"epochs": 1}), Story())
    assert unknown.notes == ("How long a whole run is, is not known yet.",)
    assert not unknown.panels


def test_none_has_ended() -> None:
    script = Script()
    script.ask()
    script.end(0, "paused", 100)  # type: ignore[arg-type]
    assert compute(make_spec(), script.story).title.endswith("ran so far; none has ended")
