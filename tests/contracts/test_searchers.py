"""What every searcher keeps to, whatever its rule."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from stories import HORIZON, Script, make_report, make_spec

from sweeps.cells import refusal
from sweeps.journal import Asked, Story, fold
from sweeps.searchers import SEARCHERS, make_searcher
from sweeps.space import excluded
from sweeps.spec import SweepSpec
from sweeps.trial import Role

TRIALS = 7
pytestmark = pytest.mark.parametrize("name", sorted(SEARCHERS))


def spec_of(name: str, **changes: Any) -> SweepSpec:
    parameters = {
        "global_batch_size": {"values": [10, 20]},
        "learning_rate": {"values": [0.1, 0.2, 0.3]},
        "warmup_steps": {"values": [0, 1]},
        "exclude": [{"global_batch_size": 20, "learning_rate": 0.3}],
    }
    full = {"parameters": parameters, "budget": {"trials": TRIALS}, **changes}
    return make_spec(method={"type": name}, **full)


def search(spec: SweepSpec) -> Script:
    """A sweep in which every trial is asked, run to its end and measured."""
    script = Script()
    searcher = make_searcher(spec, HORIZON)
    while body := searcher.ask(script.story):
        script.add(body)
        script.start(body.trial)
        script.say(body.trial, make_report(10, float(body.params["learning_rate"])))
        script.end(body.trial)
    return script


def test_the_budget_is_met_and_numbers_have_no_gaps(name: str) -> None:
    story = search(spec_of(name)).story
    assert list(story.trials) == list(range(TRIALS))


def test_nothing_excluded_or_unable_to_run_is_asked(name: str) -> None:
    spec = spec_of(name)
    for record in search(spec).story.trials.values():
        assert not excluded(spec.spec.parameters, record.trial.params)
        assert refusal(record.trial.params, HORIZON, 1) is None


def test_no_configuration_is_asked_twice(name: str) -> None:
    params = [repr(record.trial.params) for record in search(spec_of(name)).story.trials.values()]
    assert len(set(params)) == len(params)


def test_the_same_prefix_of_a_journal_gets_the_same_answer(name: str) -> None:
    """A searcher made after a crash goes on where the one before it stopped."""
    spec = spec_of(name)
    entries = search(spec).entries
    for entry in entries:
        if isinstance(entry.body, Asked):
            story = fold(entries[: entry.seq - 1])
            assert make_searcher(spec, HORIZON).ask(story) == entry.body


def test_asking_changes_nothing_and_can_be_repeated(name: str) -> None:
    spec = spec_of(name)
    script = Script()
    searcher = make_searcher(spec, HORIZON)
    for _ in range(3):
        before = copy.deepcopy(script.story)
        body = searcher.ask(script.story)
        assert body is not None
        assert searcher.ask(script.story) == body
        assert script.story == before
        script.add(body)


def test_repeated_entries_change_no_answer(name: str) -> None:
    spec = spec_of(name)
    entries = search(spec).entries[:10]
    once, twice = fold(entries), fold([*entries, *entries[3:], *entries])
    assert make_searcher(spec, HORIZON).ask(once) == make_searcher(spec, HORIZON).ask(twice)


def test_finished_stays_finished(name: str) -> None:
    spec = spec_of(name)
    script = search(spec)
    assert make_searcher(spec, HORIZON).ask(script.story) is None


def test_trials_of_other_roles_do_not_use_up_the_budget(name: str) -> None:
    spec = spec_of(name)
    script = search(spec)
    other = Script()
    other.ask(role=Role.BASE)
    searcher = make_searcher(spec, HORIZON)
    while body := searcher.ask(other.story):
        other.add(body)
    assert len(other.story.trials) == len(script.story.trials) + 1


def test_search_trials_share_the_sweeps_seed(name: str) -> None:
    story: Story = search(spec_of(name, seed=11)).story
    assert {record.trial.seed for record in story.trials.values()} == {11}
