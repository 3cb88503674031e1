from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
from flat_sweeps import flat_group

from sweeps.backtest.learning import learned, past
from sweeps.backtest.variants import without

FINALS = [0.0, 2.0, 1.0, 4.0, 3.0, 5.0]


def test_the_past_is_what_the_pruner_would_have_seen(tmp_path: Path) -> None:
    group = flat_group(tmp_path, FINALS, metrics=[9 - final for final in FINALS], workload="w")
    seen = past(group)
    assert seen.problem == "w"
    assert seen.finals.tolist() == FINALS
    assert seen.signals["metric"].tolist() == [9 - final for final in FINALS]
    assert seen.signals["loss"].tolist() == [10 - final for final in FINALS]


def test_less_is_better_whatever_the_goals(tmp_path: Path) -> None:
    seen = past(flat_group(tmp_path, FINALS, higher_is_better=True))
    assert seen.finals.tolist() == [-final for final in FINALS]
    assert seen.signals["metric"].tolist() == [-final for final in FINALS]


def test_what_broke_or_was_not_recorded_has_no_final_and_no_cost(tmp_path: Path) -> None:
    finals = [*FINALS, math.nan, 7.0]
    group = flat_group(tmp_path, finals, metrics=[*FINALS, 6.0, math.nan])
    seen = past(without(group, ["grad_norm"]))
    assert seen.finals.tolist()[6:] == [math.inf, math.inf]
    assert np.isnan(seen.signals["metric"][7])
    assert np.isnan(seen.signals["grad_norm"]).all()


def test_a_metric_that_tells_the_final_weighs(tmp_path: Path) -> None:
    straight = learned([flat_group(tmp_path / "one", FINALS)])
    assert straight.problems == 1
    assert straight.of(["metric"]).mean[0] > 0.5
    with pytest.raises(ValueError, match="at least 5 trials"):
        learned([flat_group(tmp_path / "two", FINALS[:4])])
