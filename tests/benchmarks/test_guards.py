from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from curve_files import small_sweep, write_folder

from benchmarks.guards import count, folders, main, top_quarter
from sweeps.simulator.folders import read_groups

ROOT = Path(__file__).resolve().parents[2]


def test_the_benchmark_counts_prints_and_writes(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_folder(tmp_path / "curves" / "one", *small_sweep())
    write_folder(tmp_path / "curves" / "two", *small_sweep("other", trials=4), kind="parquet")
    arguments = [str(tmp_path / "curves"), "--results", str(tmp_path / "results")]
    assert main(arguments) == 0
    out = capsys.readouterr().out
    assert "| one | 1 | 0 of 2 | 2 of 6 | diverged 1, non_finite_loss 1 |" in out
    assert "| two | 1 | 0 of 1 | 1 of 3 | non_finite_loss 1 |" in out
    told = json.loads((tmp_path / "results" / "guards.json").read_text())
    assert told["benchmark"] == "guards"
    assert told["machine"]["cores"] >= 1
    assert "benchmarks.guards" in told["command"]
    assert told["rows"][1] == {
        "figure": "rest_killed", "subject": "sweepctl", "case": "one",
        "median": 2, "min": 2, "max": 2, "n": 6, "unit": "runs",
    }  # fmt: skip


def test_a_kill_at_the_top_is_named_and_fails(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The broken run is called the best one."""
    runs, finals = small_sweep()
    finals[3]["final_metric"] = -1.0
    write_folder(tmp_path / "odd", runs, finals)
    assert main([str(tmp_path / "odd"), "--results", str(tmp_path)]) == 1
    out = capsys.readouterr().out
    assert "1 of 2" in out
    assert "odd: toy lr=0.025: The loss is not a finite number at step 6" in out


def test_ties_with_the_edge_are_at_the_top(tmp_path: Path) -> None:
    runs, finals = small_sweep()
    for line in finals[1:4]:
        line["final_metric"] = 0.35
    (group,) = read_groups(write_folder(tmp_path, runs, finals))
    assert len(top_quarter(group)) == 4
    assert count([group]).top == 4


def test_no_group_with_finals_has_no_top(tmp_path: Path) -> None:
    runs, finals = small_sweep(trials=2)
    for line in finals:
        line["final_metric"] = None
    (group,) = read_groups(write_folder(tmp_path, runs, finals, "parquet"))
    assert top_quarter(group) == []


def test_without_data_it_says_so(tmp_path: Path) -> None:
    """As a program, as make runs it."""
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.guards", str(tmp_path / "nowhere")],
        cwd=ROOT, capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    assert done.returncode == 0
    assert done.stderr.startswith("SKIPPED: no recorded curves in ")
    assert folders([tmp_path / "nowhere"]) == []
