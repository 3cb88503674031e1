"""What holds for every policy over every folder of curves."""

from __future__ import annotations

import math
from pathlib import Path
from tempfile import TemporaryDirectory

from flat_sweeps import HORIZON, flat_group
from hypothesis import given, settings
from hypothesis import strategies as st

from sweeps.backtest.engine import Policy, Settings, run
from sweeps.backtest.policies import names, policy

finals = st.lists(
    st.one_of(st.floats(-3, 3), st.just(math.nan), st.just(math.inf)), min_size=1, max_size=9
)

# The norm of a flat run is its metric, one up: at -1 a guard would end it as dead.
alive = st.floats(-3, 3).filter(lambda value: value != -1)


@settings(max_examples=60, deadline=None)
@given(
    finals,
    st.lists(alive, min_size=9, max_size=9),
    st.lists(st.integers(1, HORIZON), min_size=9, max_size=9),
    st.sampled_from(names()),
    st.integers(1, 5),
    st.booleans(),
)
def test_shares_are_shares(
    finals: list[float],
    metrics: list[float],
    lengths: list[int],
    name: str,
    slots: int,
    higher: bool,
) -> None:
    with TemporaryDirectory() as folder:
        group = flat_group(
            Path(folder), finals, metrics=metrics, lengths=lengths, higher_is_better=higher
        )
    (outcome,) = run([group], policy(name, 0.1, 0.0), Settings(slots=slots, orders=1, points=6))
    assert 0 < outcome.compute <= 1
    assert 0 <= outcome.regret <= 1
    assert outcome.compute_of_horizon <= outcome.compute
    assert outcome.audit_compute == 0
    assert outcome.best_kept == (outcome.regret == 0)
    assert outcome.kept_within_tolerance >= outcome.best_kept
    assert 0 <= outcome.random_kept <= 1
    assert 0 < outcome.time_to_result <= slots
    if name == "never":
        assert outcome.compute == outcome.time_to_result == 1
        assert outcome.regret == (0 if any(math.isfinite(final) for final in finals) else 1)


@settings(max_examples=20, deadline=None)
@given(finals, st.integers(1, 5))
def test_who_runs_everything_to_the_horizon_spends_all_and_misses_nothing(
    finals: list[float], slots: int
) -> None:
    with TemporaryDirectory() as folder:
        group = flat_group(Path(folder), finals, metrics=[1.0] * len(finals))
    (outcome,) = run([group], Policy(), Settings(slots=slots, orders=1, points=6))
    assert outcome.compute == outcome.compute_of_horizon == 1
    assert outcome.finished == len(finals)
