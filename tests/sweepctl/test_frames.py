"""Tables of trials and reports: their columns, types and names that meet."""

from __future__ import annotations

import math
import sys
from datetime import UTC, datetime

import pytest
from asking import make_trial
from stories import make_report

from service.schemas import SweepReport
from sweepctl.frames import curves_frame, trials_frame
from sweeps.trial import GO_ON


def line(number: int, point: int, loss: float = 1.0, **metrics: float) -> SweepReport:
    renamed = {name.removeprefix("_"): value for name, value in metrics.items()}
    report = make_report(point, losses=(loss, loss), metrics=renamed)
    return SweepReport(
        trial_id=f"trl_{number:032x}",
        number=number,
        attempt=1,
        at=datetime(2026, 11, 21, tzinfo=UTC),
        report=report,
        verdict=GO_ON,
    )


def test_parameters_are_columns_of_their_own_type() -> None:
    trials = [
        make_trial(0, params={"learning_rate": 0.1, "scheduler": "cosine", "seed": 9}, point=3),
        make_trial(1, params={"learning_rate": 1.0, "warmup_steps": 5, "seed": 8}, seed=4),
    ]
    table = trials_frame(trials)
    assert list(table.seed) == [0, 4]
    assert list(table.param_seed) == [9, 8]
    assert list(table.columns[12:]) == ["learning_rate", "scheduler", "param_seed", "warmup_steps"]
    assert table.learning_rate.dtype == "float64"
    assert table.scheduler.iloc[0] == "cosine"
    assert table.scheduler.isna().tolist() == [False, True]
    assert table.point.tolist()[0] == 3
    assert table.point.isna().tolist() == [False, True]


def test_metrics_are_columns_and_nan_stays_nan() -> None:
    table = curves_frame([line(0, 1, eval_loss=2.0, _loss=7.0), line(0, 2, math.nan), line(1, 1)])
    assert list(table.trial) == [0, 0, 1]
    assert list(table.metric_loss.fillna(-1)) == [7.0, -1, -1]
    assert table.eval_loss.dtype == table.loss.dtype == "float64"
    assert list(table.eval_loss.isna()) == [False, True, True]
    assert math.isnan(table.loss.iloc[1])
    assert str(table["at"].dtype) == "datetime64[us, UTC]"


def test_empty_tables_have_their_columns() -> None:
    assert {"trial", "state", "value"} <= set(trials_frame([]))
    empty = curves_frame([])
    assert len(empty) == 0
    assert empty.loss.dtype == "float64"


def test_without_pandas_the_command_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(ImportError, match="python -m pip install pandas"):
        trials_frame([])
