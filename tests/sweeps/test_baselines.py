from __future__ import annotations

from typing import Any

import pytest
from curve_stories import grid_of
from playing import Mishaps, Player
from stories import Script, make_report, make_spec

from sweeps.baselines import BUILT_IN, baseline, preset_params, refused_preset, wanted
from sweeps.cohort import cohort
from sweeps.journal import fold
from sweeps.presets import names
from sweeps.searchers import SEARCHERS, make_searcher
from sweeps.simulator.refold import refold
from sweeps.spec import Baselines, SweepSpec
from sweeps.trial import Report, Role
from workers.recipes import RECIPES

BOTH = [Role.BASE, Role.PRESET]
# Batches of 128 with a warmup of 3 %: the least run that is longer than its warmup.
LONG = 256


def curve(number: int, point: int) -> Report:
    return make_report(point, 1.0 + number)


def test_the_table_says_what_the_recipes_say() -> None:
    assert {name: recipe.rows() for name, recipe in RECIPES.items()} == {
        name: list(rows) for name, rows in BUILT_IN.items()
    }


def test_every_preset_that_may_be_named_is_shipped_and_one_configuration() -> None:
    named = Baselines.model_fields["preset"].annotation
    known = [name for name in names() if name in str(named)]
    assert "tulu2" in known
    assert len(known) == 4
    for name in known:
        assert {"global_batch_size", "learning_rate"} <= preset_params(name).keys()
    assert preset_params("lab") == {
        "global_batch_size": 3840, "learning_rate": 2e-5,
        "warmup_steps": 0, "lr_scheduler_type": "constant",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("baselines", "rows", "roles"),
    [
        ({}, BOTH, BOTH),
        ({}, [], []),
        ({}, [Role.BASE], [Role.BASE]),
        ({"base": False}, BOTH, [Role.PRESET]),
        ({"base": True, "preset": None}, BOTH, [Role.BASE]),
        ({"base": False, "preset": None}, BOTH, []),
    ],
)
def test_rows_are_those_that_the_spec_wants_and_the_recipe_can(
    baselines: dict[str, Any], rows: list[Role], roles: list[Role]
) -> None:
    spec = make_spec(baselines=baselines)
    assert [role for role, _ in wanted(spec, rows, 1000)] == roles


@pytest.mark.parametrize("name", ["loss", "grad_norm"])
def test_a_metric_of_training_has_no_base_row(name: str) -> None:
    spec = make_spec(metric={"name": name, "goal": "minimize"})
    assert [role for role, _ in wanted(spec, BOTH, 1000)] == [Role.PRESET]


def test_a_preset_that_cannot_run_is_left_out_with_a_reason() -> None:
    spec = make_spec()
    assert refused_preset(spec, LONG) is None
    assert "warmup of 1 is not shorter than the run of 1 step" in str(refused_preset(spec, 100))
    assert [role for role, _ in wanted(spec, BOTH, 100)] == [Role.BASE]
    none = make_spec(baselines={"preset": None})
    assert refused_preset(none, 100) is None


def played(spec: SweepSpec, **more: Any) -> Script:
    return Player(spec, curve, script=Script(rows=BOTH), **more).play()


@pytest.mark.parametrize("pruner", ["never", "median", "halving"])
def test_they_run_first_in_this_order_and_are_never_pruned(pruner: str) -> None:
    spec = grid_of(8, pruning={"type": pruner})
    script = played(spec)
    roles = [record.trial.role for record in script.story.trials.values()]
    assert roles == [Role.BASE, Role.PRESET, *[Role.SEARCH] * 8]
    base, preset = (script.story.trials[n] for n in (0, 1))
    assert (base.state, preset.state) == ("DONE", "DONE")
    assert (base.trial.params, base.attempts[-1].samples) == ({}, 0)
    assert preset.trial.params == preset_params("tulu2")
    assert all(cohort(spec, script.story, one.trial) == [] for one in (base, preset))
    assert {
        record.trial.number for record in cohort(spec, script.story, script.story.trials[5].trial)
    } == (set(range(2, 10)) - {5})
    assert refold(spec, script.entries) == []


@pytest.mark.parametrize("order", range(4))
def test_a_driver_that_dies_asks_none_of_them_twice(order: int) -> None:
    spec = grid_of(4, pruning={"type": "never"}, confirm={"top": 1, "seeds": 1})
    script = played(spec, order=order, mishaps=Mishaps(crashes=frozenset(range(order, 90, 5))))
    roles = [record.trial.role for record in script.story.trials.values()]
    assert roles == [*BOTH, *[Role.SEARCH] * 4, Role.CONFIRM]
    assert refold(spec, script.entries) == []
    assert fold(script.entries) == script.story


def test_one_that_fails_is_not_asked_again() -> None:
    script = played(grid_of(2), mishaps=Mishaps(raises=frozenset({(0, 10), (1, 1)})))
    states = [record.state for record in script.story.trials.values()]
    assert states == ["FAILED", "FAILED", "DONE", "DONE"]


def test_a_journal_from_before_there_were_rows_asks_none() -> None:
    spec, script = make_spec(), Script()
    assert baseline(spec, script.story) is None
    assert '"rows"' not in script.entries[0].model_dump_json(exclude_defaults=True)


@pytest.mark.parametrize("method", sorted(SEARCHERS))
def test_searchers_count_search_trials_only(method: str) -> None:
    """The same questions with rows of other roles between them as without."""
    more: dict[str, Any] = {"budget": {"trials": 4}} if method != "grid" else {}
    spec = make_spec(method={"type": method}, **more)
    plain, mixed = Script(), Script(rows=BOTH)
    searcher = make_searcher(spec, 1000)
    asked: dict[bool, list[Any]] = {False: [], True: []}
    for script, beside in ((plain, False), (mixed, True)):
        while (found := searcher.ask(script.story)) is not None:
            assert found.trial == len(script.story.trials)
            asked[beside].append(found.params)
            script.add(found)
            script.start(found.trial)
            script.say(found.trial, make_report(10, 1.0 + len(asked[beside])))
            script.end(found.trial)
            if beside and len(asked[True]) == 2:
                for role in (Role.BASE, Role.PRESET, Role.CONFIRM):
                    number = script.ask(role=role, learning_rate=0.9)
                    script.say(number, make_report(10, -5.0))
                    script.end(number)
        assert searcher.exhausted(script.story)
    assert asked[True] == asked[False]
    assert len(asked[True]) == (6 if method == "grid" else 4)


def test_limits_on_drops_need_the_base_model_whatever_the_metric() -> None:
    metric: dict[str, Any] = {"name": "loss", "goal": "minimize"}
    assert Role.BASE not in dict(wanted(make_spec(metric=metric), BOTH, None))
    limits = {**metric, "max_drop": {"eval_loss": 0.1}}
    assert Role.BASE in dict(wanted(make_spec(metric=limits), BOTH, None))
