from __future__ import annotations

import pytest
from rich.table import Table
from stories import make_spec

from sweepctl.output import show
from sweepctl.planned import view
from sweeps.costs import Measured
from sweeps.planning import Plan, plan


def said(found: Plan, capsys: pytest.CaptureFixture[str], wide: bool = False) -> str:
    show(view(found, wide))
    return capsys.readouterr().out


def test_what_was_not_measured_is_unknown(capsys: pytest.CaptureFixture[str]) -> None:
    out = said(plan(make_spec()), capsys)
    facts = {
        line.split(":")[0]: line.split(":", 1)[1].strip()
        for line in out.splitlines()
        if ":" in line
    }
    assert facts["GPU-hours"] == "unknown"
    assert facts["Cells"] == "6 of 6, 0 refused"
    assert facts["Samples of one trial"] == "1,000"
    assert facts["Optimizer steps of one trial"] == "50 to 100"
    assert "- Time is unknown" in out


def test_what_was_measured_has_a_range(capsys: pytest.CaptureFixture[str]) -> None:
    rates = [Measured(samples_per_second=rate, params={}, devices=1) for rate in (1.0, 2.0)]
    out = said(plan(make_spec(), rates), capsys)
    assert "1.11 (0.833 to 1.67)" in out
    assert "2 finished trials of this workload" in out


def test_epochs_are_unknown_until_counted(capsys: pytest.CaptureFixture[str]) -> None:
    out = said(plan(make_spec(horizon={"epochs": 2})), capsys)
    assert out.count("unknown") >= 4


def test_a_continuous_space_is_not_listed(capsys: pytest.CaptureFixture[str]) -> None:
    rate = {"distribution": "uniform", "min": 0.1, "max": 0.2}
    spec = make_spec(
        parameters={"learning_rate": rate}, method={"type": "random"}, budget={"trials": 4}
    )
    assert "not listed: the space is continuous" in said(plan(spec), capsys)


def test_refused_cells_are_listed_ten_or_all(capsys: pytest.CaptureFixture[str]) -> None:
    spec = make_spec(
        parameters={
            "global_batch_size": {"values": [100]},
            "warmup_steps": {"values": [0, *range(10, 30)]},
        }
    )
    found = plan(spec)
    out = said(found, capsys)
    assert "and 10 more" in out
    assert "global_batch_size=100 warmup_steps=10" in out
    wide = said(found, capsys, wide=True)
    assert "more" not in wide.partition("CANNOT RUN")[2].splitlines()[-3]
    assert "warmup_steps=29" in wide
    assert any(isinstance(part, Table) for part in view(found, False))


def test_what_shared_phases_spare_is_told_where_there_are_any(
    capsys: pytest.CaptureFixture[str],
) -> None:
    spec = make_spec(
        workload={
            "model": {"tiny": "llama"},
            "data": {"eval": "e.jsonl"},
            "strategy": {"phased": [{"data": "a", "samples": 400}, {"data": "b"}]},
        },
        parameters={
            "global_batch_size": {"value": 10},
            "learning_rate": {"value": 1.0},
            "phase2_learning_rate": {"values": [0.1, 0.2, 0.3]},
        },
    )
    assert "Spared by shared phases: 800" in " ".join(said(plan(spec), capsys).split())
    assert "Spared" not in said(plan(make_spec()), capsys)
