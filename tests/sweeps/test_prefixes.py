from __future__ import annotations

from typing import Any

import pytest
from stories import make_report, make_spec

from sweeps import agenda
from sweeps.cells import finite_cells
from sweeps.conductor import Command, Conductor, Launch
from sweeps.journal import AttemptEnded, AttemptStarted, Body, Entry, Judged, Prepared, Story, apply
from sweeps.lifecycle import AttemptEnd
from sweeps.phases import stages_in
from sweeps.planning import plan
from sweeps.prefixes import Held, ahead, needed, prefixes, shared_checkpoints, shared_samples
from sweeps.pruners import PRUNERS
from sweeps.result import make_result, samples_run
from sweeps.searchers import make_searcher
from sweeps.simulator.refold import refold
from sweeps.simulator.simulate import Driven, simulate
from sweeps.simulator.synthetic import Synthetic
from sweeps.spec import SweepSpec
from sweeps.trial import GO_ON, Action, Params, Report, Role, Trial, Verdict

PHASES = [{"data": "a.jsonl", "samples": 400}, {"data": "b.jsonl"}]
RATES = {"phase2_learning_rate": {"values": [0.1, 0.2, 0.3]}}
# Their rung is at the first of ten decision points, 100 samples, by default.
RUNG_AT_100 = ("early_dynamics", "halving", "recipe")


def spec_of(phases: list[dict[str, Any]] | None = None, **changes: Any) -> SweepSpec:
    """Two first phases, each with three second ones: 6 cells, in that order."""
    parameters = {
        "global_batch_size": {"value": 10},
        "learning_rate": {"values": [1.0, 2.0]},
        **RATES,
    }
    strategy = {"phased": PHASES if phases is None else phases}
    work = {"model": {"tiny": "llama"}, "data": {"eval": "e.jsonl"}, "strategy": strategy}
    whole = {"parameters": parameters, "pruning": {"type": "never"}, "workload": work, **changes}
    return make_spec(**whole)


def keys(params: Params, spec: SweepSpec | None = None, seed: int = 0) -> list[str]:
    spec = spec or spec_of()
    base: Params = {"global_batch_size": 10, "learning_rate": 1.0}
    trial = Trial(0, {**base, **params}, seed=seed)
    return [prefix.key for prefix in prefixes(spec, stages_in(spec, Story()), trial)]


@pytest.mark.parametrize(
    "other",
    [{"learning_rate": 2.0}, {"global_batch_size": 20}, {"warmup_steps": 1}, {"data_seed": 1},
     {"lr_scheduler_type": "linear"}, {"phase1_warmup_steps": 2}, {"global_batch_size": 10.0}],
)  # fmt: skip
def test_trials_share_what_does_not_depend_on_where_they_part(other: Params) -> None:
    mine = keys({"phase2_learning_rate": 0.1})
    assert len(mine) == 1
    assert mine == keys({"phase2_learning_rate": 0.3, "phase2_replay": 0.1})
    assert mine != keys({"phase2_learning_rate": 0.1, **other})
    assert mine != keys({"phase2_learning_rate": 0.1}, seed=1)


def test_with_three_phases_there_are_two_beginnings() -> None:
    last = {"phase3_learning_rate": {"values": [0.1, 0.2]}}
    base = {"global_batch_size": {"value": 10}, "learning_rate": {"value": 1.0}}
    thirds = [{"data": "a", "samples": 300}, {"data": "b", "samples": 300}, {"data": "c"}]
    spec = spec_of(thirds, parameters={**base, **RATES, **last})
    one = keys({"phase2_learning_rate": 0.1, "phase3_learning_rate": 0.1}, spec)
    two = keys({"phase2_learning_rate": 0.1, "phase3_learning_rate": 0.2}, spec)
    three = keys({"phase2_learning_rate": 0.2, "phase3_learning_rate": 0.1}, spec)
    assert one == two
    assert (one[0], len(one)) == (three[0], 2)
    assert one[1] != three[1]
    # 6 first phases and 3 of the second are run once each: 5 x 300 and 3 x 300 are spared.
    assert plan(spec).shared_samples == 5 * 300 + 3 * 300


def test_nothing_is_shared_where_no_two_trials_can_begin_alike() -> None:
    base = {"global_batch_size": {"value": 10}, "learning_rate": {"values": [1.0, 2.0]}}
    assert keys({}, spec_of(parameters=base)) == []
    assert keys({"strategy": "stacked"}) == []
    assert prefixes(make_spec(), (), Trial(0, {})) == []
    stages = stages_in(spec_of(), Story())
    confirm = Trial(0, {"global_batch_size": 10}, role=Role.CONFIRM, seed=9)
    assert prefixes(spec_of(), stages, confirm) == []


def test_a_plan_says_what_sharing_spares() -> None:
    found = plan(spec_of())
    assert (found.trials, found.total_samples, found.shared_samples) == (6, 6000, 2 * 2 * 400)
    assert plan(make_spec()).shared_samples == 0
    assert shared_samples(spec_of(), [], 1000, ()) == 0


class Desk:
    """A conductor over a journal in memory; `stops` are trials that a pruner ends."""

    def __init__(self, spec: SweepSpec, slots: int = 4) -> None:
        self.spec, self.story, self.entries = spec, Story(), list[Entry]()
        self.verdicts: dict[tuple[int, int], Action] = {}
        self.append(Prepared(horizon_samples=1000, phase_samples=[400, 600]))
        searcher = make_searcher(spec, 1000, stages_in(spec, self.story))
        self.conductor = Conductor(spec, self.story, searcher, self._judge, self.append)
        self.conductor.slots = slots

    def append(self, body: Body) -> None:
        apply(self.story, body)
        self.story.seq += 1
        self.entries.append(Entry(seq=self.story.seq, at="2026-01-01T00:00:00Z", body=body))

    def _judge(self, story: Story, number: int, report: Report) -> Verdict:
        action = self.verdicts.get((number, report.point), Action.CONTINUE)
        return GO_ON.model_copy(update={"action": action})

    def launched(self) -> list[int]:
        found = list[Launch]()
        while (launch := self.conductor.next()) is not None:
            found.append(launch)
        return [launch.trial.number for launch in found]

    def report(self, number: int, point: int, inherited: int | None = None) -> None:
        told = make_report(point).model_copy(update={"inherited": inherited})
        attempt = self.story.trials[number].attempts[-1].number
        self.conductor.reported(number, attempt, told)


def test_one_trial_of_each_beginning_runs_and_the_others_wait_for_its_end() -> None:
    desk = Desk(spec_of())
    assert desk.launched() == [0, 3]
    desk.report(0, 3)
    assert desk.launched() == []
    desk.report(0, 4)
    assert desk.launched() == [1, 2]
    desk.report(3, 5)
    assert desk.launched() == []  # no slot is free
    desk.conductor.finished(0, 1, 1000, 1.0)
    assert desk.launched() == [4]
    assert desk.conductor.running() == 4
    assert refold(desk.spec, desk.entries) == []


@pytest.mark.parametrize("how", ["fails", "stops", "parks"])
def test_when_the_payer_does_not_get_there_the_next_one_pays(how: str) -> None:
    desk = Desk(spec_of(), slots=2)
    assert desk.launched() == [0, 3]
    if how == "fails":
        desk.conductor.broke(0, 1, "no", raised=True, fatal=True)
    else:
        desk.verdicts[0, 2] = Action.STOP if how == "stops" else Action.PAUSE
        desk.report(0, 2)
        ended = desk.conductor.stopped if how == "stops" else desk.conductor.saved
        ended(0, 1, 200, 1.0)
    assert desk.launched() == [1]
    assert desk.conductor.next() is None


def test_a_payer_that_lost_its_worker_goes_on_before_the_others() -> None:
    desk = Desk(spec_of(), slots=2)
    assert desk.launched() == [0, 3]
    desk.conductor.broke(0, 1, "gone", raised=False, fatal=False)
    assert desk.launched() == [0]


def test_a_driver_that_comes_back_holds_the_same_trials() -> None:
    desk = Desk(spec_of())
    desk.launched()
    desk.conductor.recover()
    assert desk.launched() == [0, 3]
    desk.report(0, 4)
    assert desk.launched() == [1, 2]


def test_a_search_that_learns_asks_no_further_ahead_than_it_has_slots() -> None:
    assert ahead(spec_of(), 4) > 6
    learning = spec_of(method={"type": "tpe"}, budget={"trials": 6})
    assert ahead(learning, 4) == 4


def test_a_shared_checkpoint_is_needed_until_nobody_can_begin_from_it() -> None:
    desk = Desk(spec_of(), slots=1)
    (first,), (second,) = keys({}), keys({"learning_rate": 2.0})
    assert needed(desk.spec, desk.story) == {first, second}
    for number in range(6):
        assert desk.launched() == [number]
        assert first in needed(desk.spec, desk.story) or number > 2
        for point in (4, 10):
            desk.report(number, point)
        desk.conductor.finished(number, 1, 1000, 1.0)
        assert (first in needed(desk.spec, desk.story)) == (number < 2)
    assert needed(desk.spec, desk.story) == set()


def test_of_a_space_that_cannot_be_listed_all_are_needed() -> None:
    ranged = {"phase2_learning_rate": {"distribution": "uniform", "min": 0.1, "max": 0.2}}
    base = {"global_batch_size": {"value": 10}, "learning_rate": {"value": 1.0}}
    spec = spec_of(parameters={**base, **ranged}, method={"type": "random"}, budget={"trials": 3})
    desk = Desk(spec, slots=1)
    desk.launched()
    for point in (4, 10):
        desk.report(0, point)
    desk.conductor.finished(0, 1, 1000, 1.0)
    assert len(needed(spec, desk.story)) == 1


def test_samples_taken_over_are_not_samples_run() -> None:
    desk = Desk(spec_of(), slots=1)
    for number in range(6):
        inherited = None if number in (0, 3) else 400
        desk.launched()
        for point in (4, 10):
            desk.report(number, point, inherited)
        desk.conductor.finished(number, 1, 1000, 1.0)
    result = make_result(desk.spec, desk.story)
    assert result.samples_run == 2 * 1000 + 4 * 600
    assert result.compute_saved == pytest.approx(1600 / 6000)


def test_a_parked_trial_that_goes_on_from_another_ones_checkpoint_counts_what_it_ran() -> None:
    desk = Desk(spec_of(), slots=1)
    desk.verdicts[0, 2] = Action.PAUSE
    desk.launched()
    desk.report(0, 2)
    desk.conductor.saved(0, 1, 200, 1.0)
    desk.append(Judged(trial=0, verdict=GO_ON))
    assert desk.launched() == [0]
    desk.report(0, 10, inherited=400)
    desk.conductor.finished(0, 2, 1000, 1.0)
    assert samples_run(desk.story.trials[0]) == 200 + 600


def test_an_attempt_that_was_lost_after_it_took_over_counts_what_it_trained() -> None:
    desk = Desk(spec_of(), slots=1)
    desk.launched()
    desk.report(0, 6, inherited=400)
    desk.conductor.broke(0, 1, "gone", raised=False, fatal=False)
    desk.launched()
    desk.report(0, 10, inherited=400)
    desk.conductor.finished(0, 2, 1000, 1.0)
    assert samples_run(desk.story.trials[0]) == 200 + 600
    assert desk.story.trials[0].attempts[0].ended == AttemptEnd.LOST


class _NobodyWaits(Held):
    def add(self, trial: Trial) -> bool:
        return False


def busiest(driven: Driven) -> int:
    """The most attempts that were out at once."""
    out = most = 0
    for entry in driven.entries:
        out += isinstance(entry.body, AttemptStarted) - isinstance(entry.body, AttemptEnded)
        most = max(most, out)
    return most


@pytest.mark.parametrize("pruner", sorted(PRUNERS))
def test_no_pruner_makes_the_trials_of_one_beginning_run_one_by_one(
    pruner: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    rates = {"phase2_learning_rate": {"values": [0.1 * n for n in range(1, 13)]}}
    base = {"global_batch_size": {"value": 10}, "learning_rate": {"value": 1.0}}
    spec = spec_of(parameters={**base, **rates}, pruning={"type": pruner})
    found = simulate(spec, Synthetic(spec.spec.metric), slots=6)
    assert refold(spec, found.entries) == []
    assert busiest(found) == 6
    monkeypatch.setattr(agenda, "Held", _NobodyWaits)
    alone = simulate(spec, Synthetic(spec.spec.metric), slots=6)
    # The virtual clock counts samples, and knows no sharing: what is left is the wait for the one
    # that went first, up to its rung or to the end of its phase.
    assert found.seconds - alone.seconds <= (100 if pruner in RUNG_AT_100 else 400)


@pytest.mark.parametrize("how", ["stopped", "saved"])
def test_once_a_verdict_met_the_payer_the_others_wait_for_nobody(how: str) -> None:
    desk = Desk(spec_of(), slots=4)
    assert desk.launched() == [0, 3]
    desk.verdicts[0, 2] = Action.STOP if how == "stopped" else Action.PAUSE
    desk.report(0, 2)
    assert desk.launched() == []  # it is saving still
    getattr(desk.conductor, how)(0, 1, 200, 1.0)
    assert desk.launched() == [1, 2]
    for number in (1, 2):
        desk.report(number, 10)
        desk.conductor.finished(number, 1, 1000, 1.0)
    # The other beginning was met by no verdict.
    assert desk.launched() == []


def test_a_verdict_past_the_phase_or_a_stop_by_the_user_tells_nothing_of_it() -> None:
    desk = Desk(spec_of(), slots=2)
    assert desk.launched() == [0, 3]
    desk.conductor.command(Command("a", "stop_trial", trial=0))
    desk.conductor.stopped(0, 1, 200, 1.0)
    assert desk.launched() == [1]
    desk.conductor.slots = 4
    assert desk.launched() == []
    desk.verdicts[1, 5] = Action.PAUSE
    desk.report(1, 4)
    desk.report(1, 5)
    desk.conductor.saved(1, 1, 500, 1.0)
    assert desk.launched() == [2]


def test_a_parked_trial_may_go_on_from_what_another_left_further_on() -> None:
    desk = Desk(spec_of(), slots=1)
    (first,) = keys({})
    desk.verdicts[0, 2] = Action.PAUSE
    assert desk.launched() == [0]
    desk.report(0, 2)
    desk.conductor.saved(0, 1, 200, 1.0)
    for number in range(1, 6):
        assert desk.launched() == [number]
        desk.report(number, 10)
        desk.conductor.finished(number, 1, 1000, 1.0)
    assert needed(desk.spec, desk.story) == {first}
    desk.conductor.close()
    assert needed(desk.spec, desk.story) == set()


def test_what_waits_is_worked_out_once_for_all_that_are_asked(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    worked, built = list[int](), Held.__init__

    def counted(held: Held, spec: SweepSpec, story: Story) -> None:
        worked.append(len(story.trials))
        built(held, spec, story)

    monkeypatch.setattr(Held, "__init__", counted)
    desk = Desk(spec_of(), slots=2)
    assert desk.launched() == [0, 3]
    assert len(desk.story.trials) == 4
    assert worked == [0, 1]


@pytest.mark.parametrize("slots", [1, 2, 5])
def test_a_whole_phased_sweep_on_the_virtual_clock_ends_and_decides_the_same_again(
    slots: int,
) -> None:
    spec = spec_of(pruning={"type": "median"})
    found = simulate(spec, Synthetic(spec.spec.metric), slots=slots)
    assert len(found.story.trials) == 6
    assert refold(spec, found.entries) == []


def test_the_beginnings_that_may_be_left_are_counted() -> None:
    """Two first phases of 6 cells; of cells that nobody knows, one a trial; none of a stacked one,
    nor where no two trials begin alike."""
    spec = spec_of()
    cells = finite_cells(spec) or []
    assert (len(cells), shared_checkpoints(spec, cells, 6)) == (6, 2)
    assert shared_checkpoints(spec, cells, 1) == 1
    assert shared_checkpoints(spec, [], 6) == 6
    assert shared_checkpoints(spec, [{**cell, "strategy": "stacked"} for cell in cells], 6) == 0
    alone = {"global_batch_size": {"value": 10}, "learning_rate": {"values": [1.0, 2.0]}}
    assert shared_checkpoints(spec_of(parameters=alone), [], 6) == 0
