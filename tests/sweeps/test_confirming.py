from __future__ import annotations

import math
from typing import Any

import pytest
from curve_stories import grid_of
from panels import KEPT, METRIC, base_row, finish, limited
from playing import Mishaps, Player
from stories import Script, make_report, make_spec

from sweeps.confirming import confirmation, confirmed, finalists, fresh_seed, reseeded
from sweeps.journal import CommandApplied, fold
from sweeps.keeping import best_finished
from sweeps.lifecycle import AttemptEnd
from sweeps.result import make_result
from sweeps.simulator.refold import refold
from sweeps.spec import SweepSpec
from sweeps.trial import Report, Role, TrialRecord

TRIALS = 6
CONFIRM = {"confirm": {"top": 3, "seeds": 2}}


def curve(number: int, point: int) -> Report:
    """Trial n is worse than trial n - 1 all the way; confirmation runs are as good as any."""
    level = 0.1 * (number % TRIALS)
    return make_report(point, 1.0 + level, losses=(1.0 + level, 1.0 + level))


def of(role: Role, script: Script) -> list[TrialRecord]:
    return [record for record in script.story.trials.values() if record.trial.role is role]


def shape(script: Script) -> list[tuple[float, int, str]]:
    """Configuration, seed and state of every confirmation run, in the order asked."""
    return [
        (float(r.trial.params["learning_rate"]), r.trial.seed, r.state)
        for r in of(Role.CONFIRM, script)
    ]


@pytest.mark.parametrize("pruner", ["never", "halving", "median"])
@pytest.mark.parametrize("slots", [1, 4])
def test_the_finalists_run_again_on_fresh_seeds_once_the_search_is_over(
    pruner: str, slots: int
) -> None:
    spec = grid_of(TRIALS, pruning={"type": pruner}, **CONFIRM)
    script = Player(spec, curve, slots=slots).play()
    search, runs = of(Role.SEARCH, script), of(Role.CONFIRM, script)
    assert len(search) == TRIALS
    best = [one.best.trial.number for one in finalists(spec, script.story)]
    assert best[0] == 0
    # Each finalist gets its first seed before any gets its second.
    rates = [search[n].trial.params["learning_rate"] for n in best]
    assert [r.trial.params["learning_rate"] for r in runs] == rates * 2
    seeds = [r.trial.seed for r in runs]
    assert seeds == [fresh_seed(0, n, k) for k in range(2) for n in best]
    assert len({*seeds, 0}) == len(seeds) + 1
    # Never pruned, and asked after the last search trial had ended.
    assert {r.state for r in runs} == {"DONE"}
    asked = [e.seq for e in script.entries if getattr(e.body, "role", None) is Role.CONFIRM]
    ended = [
        e.seq
        for e in script.entries
        if e.body.type in ("attempt_ended", "judged") and e.body.trial < TRIALS  # type: ignore[union-attr]
    ]
    assert min(asked) > max(ended)
    assert confirmed(spec, script.story)
    assert refold(spec, script.entries) == []


@pytest.mark.parametrize("order", range(6))
def test_a_driver_that_dies_changes_nothing_of_it(order: int) -> None:
    spec = grid_of(TRIALS, pruning={"type": "never"}, **CONFIRM)
    quiet = Player(spec, curve).play()
    crashes = frozenset(range(order, 200, 7))
    stormy = Player(spec, curve, order=order, mishaps=Mishaps(crashes=crashes, stutter=True)).play()
    assert shape(stormy) == shape(quiet)
    assert refold(spec, stormy.entries) == []
    assert fold(stormy.entries) == stormy.story


def test_without_the_block_nothing_is_confirmed() -> None:
    script = Player(grid_of(TRIALS), curve).play()
    assert not of(Role.CONFIRM, script)
    assert finalists(grid_of(TRIALS), script.story) == []


def test_more_finalists_than_finished_are_as_many_as_finished() -> None:
    spec = grid_of(2, pruning={"type": "never"}, confirm={"top": 9, "seeds": 2})
    script = Player(spec, curve).play()
    assert len(of(Role.CONFIRM, script)) == 4


def test_when_nothing_finished_nothing_is_confirmed() -> None:
    spec = grid_of(2, **CONFIRM)
    raises = frozenset({(0, 1), (1, 1)})
    script = Player(spec, curve, mishaps=Mishaps(raises=raises)).play()
    assert not of(Role.CONFIRM, script)


def test_a_run_that_fails_is_not_replaced_and_fails_nothing() -> None:
    spec = grid_of(3, pruning={"type": "never"}, confirm={"top": 2, "seeds": 2})
    script = Player(spec, curve, mishaps=Mishaps(raises=frozenset({(3, 2), (5, 4)}))).play()
    assert [state for *_, state in shape(script)] == ["FAILED", "DONE", "FAILED", "DONE"]
    found = make_result(spec, script.story)
    # Trial 0 has no confirmation left: it stands behind the one that has two.
    assert [(row.trial, row.basis, row.runs) for row in found.ranking] == [
        (1, "confirm", 2), (0, "single", 1), (2, "single", 1),
    ]  # fmt: skip
    assert found.winner is None


def test_a_confirmation_run_that_breaks_is_told() -> None:
    def breaking(number: int, point: int) -> Report:
        guard = "non_finite_loss" if (number, point) == (3, 2) else None
        return curve(number, point).model_copy(update={"guard": guard})

    spec = grid_of(3, pruning={"type": "never"}, confirm={"top": 1, "seeds": 2})
    script = Player(spec, breaking).play()
    assert [state for *_, state in shape(script)] == ["STOPPED", "DONE"]
    found = make_result(spec, script.story)
    assert (found.ranking[0].broken, found.ranking[0].confirmed) == (1, [4])
    assert "Trial 0: 1 of its confirmation runs broke." in found.notes


def confirming(*finals: float) -> Script:
    """Search trials that finished with these finals, each with a rate of its own."""
    script = Script()
    for number, value in enumerate(finals):
        script.run(value, learning_rate=0.1 * (number + 1))
    return script


def test_it_waits_for_the_last_search_trial_but_not_for_parked_ones() -> None:
    spec, script = make_spec(**CONFIRM), confirming(1.0, 2.0)
    running = script.ask(learning_rate=0.9)
    assert confirmation(spec, script.story) is None
    script.say(running, make_report(1, 1.0))
    script.end(running, AttemptEnd.PAUSED, 100)
    asked = confirmation(spec, script.story)
    assert asked is not None
    assert (asked.trial, asked.role) == (3, Role.CONFIRM)


def test_a_retried_search_trial_may_become_a_finalist_late() -> None:
    spec = make_spec(confirm={"top": 1, "seeds": 1})
    script = confirming(1.0)
    late = script.ask(learning_rate=0.9)
    script.end(late, AttemptEnd.FAILED, 0, error="gone", gave_up=True)
    script.add(confirmation(spec, script.story))  # type: ignore[arg-type]
    assert not confirmed(spec, script.story)
    script.start(2)
    script.say(2, make_report(10, 1.0))
    script.end(2)
    assert confirmed(spec, script.story)
    script.add(CommandApplied(command="again", kind="retry_trial", trial=late))
    assert not confirmed(spec, script.story)
    script.start(late)
    script.say(late, make_report(10, 0.5))
    script.end(late)
    asked = confirmation(spec, script.story)
    assert asked is not None
    assert asked.params["learning_rate"] == 0.9


def test_a_seed_that_the_configuration_names_gives_way_to_the_fresh_one() -> None:
    given: dict[str, Any] = {"learning_rate": 0.1, "seed": 4, "data_seed": 5}
    assert reseeded(given, 77) == {"learning_rate": 0.1, "seed": 77, "data_seed": 77}
    assert reseeded({"learning_rate": 0.1}, 77) == {"learning_rate": 0.1}


def seeded(**more: Any) -> SweepSpec:
    axes = {"global_batch_size": {"value": 10}, "learning_rate": {"values": [0.1, 0.2]}}
    return make_spec(parameters={**axes, "seed": {"values": [1, 2, 3]}}, **more)


def test_a_search_over_seeds_has_its_configurations_confirmed_once() -> None:
    spec = seeded(pruning={"type": "never"}, confirm={"top": 2, "seeds": 2})
    script = Player(spec, lambda number, point: curve(number % 6, point)).play()
    runs = of(Role.CONFIRM, script)
    assert len(runs) == 4
    assert sorted({r.trial.params["learning_rate"] for r in runs}) == [0.1, 0.2]
    assert all(r.trial.params["seed"] == r.trial.seed for r in runs)
    assert len(make_result(spec, script.story).ranking) == 2


def test_cancelled_it_stops_with_the_rest() -> None:
    spec, script = make_spec(**CONFIRM), confirming(1.0, 2.0)
    script.add(confirmation(spec, script.story))  # type: ignore[arg-type]
    script.add(CommandApplied(command="c", kind="cancel"))
    assert script.story.trials[2].state == "STOPPED"
    assert make_result(spec, script.story).winner is None


def test_a_trial_that_breaks_a_limit_is_no_finalist() -> None:
    spec, script = limited(confirm={"top": 2, "seeds": 1}), Script()
    base_row(script)
    for number, kept in enumerate((0.1, 0.8, math.nan, 0.75, 0.8)):
        finish(script, 1.0 + number, kept, learning_rate=0.1 * (number + 1))
    assert [one.best.trial.number for one in finalists(spec, script.story)] == [2, 4]


@pytest.mark.parametrize("base", ["none", "runs", "failed"])
def test_nobody_is_a_finalist_before_the_base_models_scores_are_known(base: str) -> None:
    spec, script = limited(confirm={"top": 2, "seeds": 1}), Script()
    if base == "runs":
        script.ask(role=Role.BASE)
    elif base == "failed":
        base_row(script, None)
    finish(script, 1.0, 0.8)
    assert finalists(spec, script.story) == []
    assert confirmation(spec, script.story) is None
    if base == "failed":
        script.add(CommandApplied(command="c", kind="retry_trial", trial=0))
        script.start(0)
        script.say(0, make_report(10, 9.0, metrics={KEPT: 0.8}))
        script.end(0)
        assert [one.best.trial.number for one in finalists(spec, script.story)] == [1]


def test_of_equal_configurations_the_first_one_answers_for_all() -> None:
    """Were the second one confirmed in its place, its runs would count for the first, for ever."""
    spec, script = limited(confirm={"top": 2, "seeds": 1}), Script()
    base_row(script)
    finish(script, 1.0, 0.1)
    finish(script, 1.1, 0.8)
    assert finalists(spec, script.story) == []


@pytest.mark.parametrize("pruner", ["never", "median", "halving", "early_dynamics"])
@pytest.mark.parametrize("slots", [1, 4])
def test_a_whole_sweep_with_limits(pruner: str, slots: int) -> None:
    """The better the loss the more is forgotten: of six trials the first three forget too much.
    Every decision is the same when the journal is read again."""
    changes: dict[str, Any] = {"metric": METRIC, "baselines": {"preset": None}, **CONFIRM}
    spec = grid_of(TRIALS, pruning={"type": pruner}, **changes)

    def forgetting(number: int, point: int) -> Report:
        # Trial 0 is the base model, 1 to 6 are the search; confirmation runs forget nothing.
        kept = 0.8 if number == 0 or number > TRIALS else 0.8 - 0.04 * (TRIALS - number)
        level = 1.0 + 0.1 * number
        return make_report(point, level, losses=(level, level), metrics={KEPT: kept})

    player = Player(spec, forgetting, slots=slots, script=Script(rows=[Role.BASE]))
    script = player.play()
    allowed = {4, 5, 6}
    assert {one.best.trial.number for one in finalists(spec, script.story)} <= allowed
    found = make_result(spec, script.story)
    assert found.winner in {None, *allowed}
    assert found.recommended in {None, *allowed}
    assert all(row.trial in allowed for row in found.ranking if not row.over)
    assert set(best_finished(spec, script.story)) <= allowed
    if pruner in ("never", "halving", "early_dynamics"):
        assert found.best is not None, "a trial that keeps to the limit came to its end"
    assert refold(spec, script.entries) == []
