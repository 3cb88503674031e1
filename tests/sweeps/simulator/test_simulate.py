from __future__ import annotations

import math

import pytest
from curve_stories import Made, grid_of, ordered
from stories import HORIZON, POINTS

from sweeps.errors import SpecError
from sweeps.journal import AttemptEnded, Entry, Judged, Prepared, Reported, fold
from sweeps.lifecycle import AttemptEnd
from sweeps.pruners import PRUNERS
from sweeps.result import make_result
from sweeps.simulator.refold import refold
from sweeps.simulator.simulate import Costs, Simulation, simulate
from sweeps.trial import Action, Params


def states(simulation: Simulation) -> list[str]:
    return [str(record.state) for record in simulation.story.trials.values()]


def test_every_trial_runs_to_its_end_and_the_clock_counts_samples() -> None:
    simulation = simulate(grid_of(4, pruning={"type": "never"}), Made(ordered))
    assert states(simulation) == ["DONE"] * 4
    assert simulation.seconds == 4 * HORIZON
    assert simulation.result.best is not None
    assert simulation.result.best.trial == 0
    assert simulation.best_seconds == HORIZON
    assert simulation.ended == {0: 1000.0, 1: 2000.0, 2: 3000.0, 3: 4000.0}
    assert [len(record.reports) for record in simulation.story.trials.values()] == [POINTS] * 4


@pytest.mark.parametrize(("slots", "seconds"), [(1, 5000), (2, 3000), (5, 1000), (99, 1000)])
def test_slots_run_side_by_side(slots: int, seconds: int) -> None:
    simulation = simulate(grid_of(5, pruning={"type": "never"}), Made(ordered), slots=slots)
    assert simulation.seconds == seconds


def test_the_spec_limits_the_slots() -> None:
    spec = grid_of(4, pruning={"type": "never"}, resources={"max_parallel": 1})
    assert simulate(spec, Made(ordered), slots=8).seconds == 4 * HORIZON


@pytest.mark.parametrize("pruner", sorted(PRUNERS))
@pytest.mark.parametrize("slots", [1, 3])
def test_the_journal_is_a_journal_and_repeats_itself(pruner: str, slots: int) -> None:
    spec = grid_of(9, pruning={"type": pruner})
    one = simulate(spec, Made(ordered), slots=slots)
    two = simulate(spec, Made(ordered), slots=slots)
    assert one.entries == two.entries
    assert [entry.seq for entry in one.entries] == list(range(1, len(one.entries) + 1))
    again = [Entry.model_validate_json(entry.model_dump_json()) for entry in one.entries]
    assert fold(again) == one.story
    assert make_result(spec, fold(again)) == one.result
    assert refold(spec, again) == []
    assert set(states(one)) <= {"DONE", "STOPPED"}
    assert states(one)[0] == "DONE"


def test_a_pruner_saves_time_and_keeps_the_best() -> None:
    spec = grid_of(12, pruning={"type": "median"})
    simulation = simulate(spec, Made(ordered), slots=1)
    assert simulation.seconds < 12 * HORIZON
    assert simulation.result.compute_saved == 1 - simulation.seconds / (12 * HORIZON)
    assert simulation.best_seconds == HORIZON
    assert "STOPPED" in states(simulation)


def test_a_broken_run_is_stopped_where_it_breaks() -> None:
    curves = Made(lambda number, step: math.nan if (number, step) == (1, 33) else 1.0)
    simulation = simulate(grid_of(4, pruning={"type": "never"}), curves)
    assert states(simulation) == ["DONE", "STOPPED", "DONE", "DONE"]
    assert simulation.seconds == 3 * HORIZON + 330


def test_a_run_that_ends_early_is_complete_and_costs_what_it_ran() -> None:
    spec = grid_of(4, pruning={"type": "never"})
    simulation = simulate(spec, Made(ordered, {2: 40}))
    assert states(simulation) == ["DONE"] * 4
    assert simulation.seconds == 3 * HORIZON + 400
    assert [row.trial for row in simulation.result.ranking] == [0, 1, 2, 3]


def test_costs_are_paid_on_the_clock() -> None:
    def slow(params: Params) -> float:
        return 2.0 if params["learning_rate"] == 0.1 else 1.0

    spec = grid_of(4, pruning={"type": "never"})
    simulation = simulate(spec, Made(ordered), costs=Costs(per_sample=slow, start=7))
    assert simulation.seconds == 5 * HORIZON + 4 * 7
    ends = [e.body for e in simulation.entries if isinstance(e.body, AttemptEnded)]
    assert [end.seconds for end in ends] == [2007, 1007, 1007, 1007]
    assert simulation.entries[-1].at == "2000-01-01T01:23:48.000Z"


def test_pause_and_resume_are_paid_and_lose_nothing() -> None:
    spec = grid_of(9, pruning={"type": "halving"})
    free = simulate(spec, Made(ordered), slots=2)
    dear = simulate(spec, Made(ordered), slots=2, costs=Costs(pause=3, resume=5))
    bodies = [entry.body for entry in dear.entries]
    parked = [b for b in bodies if isinstance(b, AttemptEnded) and b.reason is AttemptEnd.PAUSED]
    revived = [b for b in bodies if isinstance(b, Judged) and b.verdict.action is Action.CONTINUE]
    assert parked
    assert revived
    assert dear.seconds > free.seconds
    assert set(states(dear)) <= {"DONE", "STOPPED"}
    unbroken = simulate(grid_of(9, pruning={"type": "never"}), Made(ordered))
    for number, record in dear.story.trials.items():
        whole = unbroken.story.trials[number].reports
        assert all(report == whole[point] for point, report in record.reports.items())


def test_epochs_need_a_prepared_entry() -> None:
    spec = grid_of(4, pruning={"type": "never"}, horizon={"epochs": 2})
    with pytest.raises(SpecError, match="epochs"):
        simulate(spec, Made(ordered))
    prepared = Prepared(horizon_samples=HORIZON, train_samples=HORIZON // 2)
    simulation = simulate(spec, Made(ordered), prepared=prepared)
    assert simulation.entries[0].body == prepared
    assert simulation.seconds == 4 * HORIZON


def test_verdicts_wait_for_nobody() -> None:
    """Events of equal time come in the order of their trials."""
    simulation = simulate(grid_of(4, pruning={"type": "never"}), Made(ordered), slots=4)
    told = [
        (e.body.report.point, e.body.trial)
        for e in simulation.entries
        if isinstance(e.body, Reported)
    ]
    assert told == [(point, trial) for point in range(1, POINTS + 1) for trial in range(4)]
