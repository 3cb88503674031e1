"""What holds for every sweep on the virtual clock, whatever its curves, pruner, slots and costs."""

from __future__ import annotations

import math

from curve_stories import Made, grid_of
from hypothesis import given, settings
from hypothesis import strategies as st
from stories import BATCH, HORIZON

from sweeps.journal import Story, fold
from sweeps.lifecycle import TRIAL_ENDS, TrialState
from sweeps.pruners import PRUNERS
from sweeps.result import samples_run
from sweeps.simulator.refold import refold
from sweeps.simulator.simulate import Costs, simulate

STEPS = HORIZON // BATCH
levels = st.lists(st.floats(0, 4), min_size=1, max_size=12)


@settings(max_examples=60, deadline=None)
@given(
    levels,
    st.sampled_from(sorted(PRUNERS)),
    st.integers(1, 5),
    st.sampled_from([0.0, 3.0, 250.0]),
    st.dictionaries(st.integers(0, 11), st.integers(1, STEPS), max_size=3),
    st.dictionaries(st.integers(0, 11), st.integers(1, STEPS), max_size=2),
)
def test_every_sweep_ends_within_its_slots_and_loses_nothing(
    levels: list[float],
    pruner: str,
    slots: int,
    cost: float,
    early: dict[int, int],
    broken: dict[int, int],
) -> None:
    def loss(number: int, step: int) -> float:
        return math.nan if step == broken.get(number) else levels[number] + 2 / step

    spec = grid_of(len(levels), pruning={"type": pruner})
    costs = Costs(start=cost, pause=cost, resume=cost)
    simulation = simulate(spec, Made(loss, early), slots=slots, costs=costs)
    assert refold(spec, simulation.entries) == []
    story, running = Story(), 0
    for entry in simulation.entries:
        fold([entry], story)
        states = [record.state for record in story.trials.values()]
        running = max(running, states.count(TrialState.RUNNING))
    assert running <= slots
    assert story == simulation.story
    assert all(record.state in TRIAL_ENDS for record in story.trials.values())
    assert len(story.trials) == len(levels)
    work = sum(samples_run(record) for record in story.trials.values())
    spent = work + cost * sum(len(record.attempts) for record in story.trials.values())
    assert simulation.seconds >= spent / slots
    for number, record in story.trials.items():
        # No sample is run twice: a parked trial goes on where it was.
        assert samples_run(record) <= early.get(number, STEPS) * BATCH
