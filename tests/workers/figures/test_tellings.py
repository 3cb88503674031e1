from __future__ import annotations

import math

import pytest
from figure_stories import at, every_fate, ruled
from stories import Script, make_report

from sweeps.journal import CommandApplied
from sweeps.lifecycle import AttemptEnd
from sweeps.trial import Action
from workers.figures.tellings import (
    audit_of,
    best_of,
    drawable,
    fate,
    first_of,
    happenings,
    name_of,
    ranked_by,
)

SPEC, STORY = every_fate()


def test_every_trial_has_its_fate() -> None:
    best = best_of(SPEC, STORY)
    assert best == 0
    fates = [fate(record, best) for record in STORY.trials.values()]
    assert fates == [
        *("best", "finished", "audited", "stopped", "stopped", "going", "failed", "finished"),
        *("base", "preset", "confirm"),
    ]


@pytest.mark.parametrize(
    ("number", "expected"),
    [
        (0, [("verdict", 200)]),
        (2, [("audit", 200)]),
        (3, [("revive", 200), ("stop", 400)]),
        (4, [("broken", 200)]),
        (5, [("pause", 200)]),
        (6, [("broken", 100)]),
        (7, []),
        (8, []),
    ],
)
def test_what_befell_a_trial_and_where(number: int, expected: list[tuple[str, int]]) -> None:
    found = list(happenings(STORY.trials[number]))
    assert [(each.look, each.report.samples) for each in found] == expected
    assert all(each.words for each in found)


def test_what_a_user_stopped_says_so() -> None:
    script = Script()
    number = script.ask()
    script.say(number, at(1, 2.0))
    script.stop(number, 100)
    (found,) = happenings(script.story.trials[number])
    assert (found.look, found.words) == ("stop", "Stopped: user.")


def test_a_parked_trial_that_a_user_cancelled_was_parked_and_stopped() -> None:
    script = Script()
    number = script.ask()
    script.say(number, at(1, 2.0), ruled(Action.PAUSE))
    script.end(number, AttemptEnd.PAUSED, 100)
    script.add(CommandApplied(command="c", kind="stop_trial", trial=number))
    assert [each.look for each in happenings(script.story.trials[number])] == ["pause", "stop"]


def test_a_trial_without_a_report_has_nothing_to_mark() -> None:
    script = Script()
    number = script.ask()
    script.end(number, AttemptEnd.FAILED, 0, error="Boom", gave_up=True)
    assert not list(happenings(script.story.trials[number]))


def test_the_audit_begins_at_its_first_verdict() -> None:
    found = audit_of(STORY.trials[2])
    assert found is not None
    assert found.samples == 200
    assert audit_of(STORY.trials[0]) is None


def test_what_ranks_first_by_more_than_its_own_run_says_so() -> None:
    first = first_of(SPEC, STORY)
    assert first is not None
    assert ranked_by(first.model_copy(update={"runs": 1, "basis": "single"})) == ""
    again = first.model_copy(update={"runs": 2, "basis": "confirm", "mean": 0.87266})
    assert ranked_by(again) == ", by the mean 0.8727 of 2 confirmation runs"
    seeds = first.model_copy(update={"runs": 3, "basis": "seeds", "mean": 0.9})
    assert ranked_by(seeds) == ", by the mean 0.9 of 3 runs"


@pytest.mark.parametrize("value", [None, math.nan, math.inf, -1e101])
def test_what_no_axis_can_hold_is_not_drawn(value: float | None) -> None:
    assert drawable(value) is None
    assert drawable(-3.4e38) == -3.4e38


def test_names_are_one_short_line() -> None:
    assert name_of(STORY.trials[9]).startswith("preset 9 (global_batch_size: 10")
    script = Script()
    script.ask(word="long\n" * 200)
    script.say(0, make_report(1, 1.0))
    name = name_of(script.story.trials[0])
    assert len(name) <= 200
    assert "\n" not in name
