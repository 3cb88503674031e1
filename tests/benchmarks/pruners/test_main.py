from __future__ import annotations

import json
from pathlib import Path

import pytest
from curve_files import small_sweep, write_folder

from benchmarks.pruners.__main__ import _by_target, _command, _parser, main
from sweeps.simulator.folders import read_groups


def test_it_prints_and_writes_the_table_the_page_and_the_picture(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_folder(tmp_path / "curves" / "algoperf", *small_sweep())
    write_folder(tmp_path / "curves" / "small", *small_sweep("other", trials=3))
    arguments = [str(tmp_path / "curves"), "--orders", "1", "--points", "10", "--no-verdicts"]
    arguments += ["--results", str(tmp_path / "results"), "--docs", str(tmp_path / "docs")]
    assert main(arguments) == 0
    said = capsys.readouterr()
    assert "SKIPPED: no group of 6 trials in small." in said.err
    assert "1 sweeps of 1 workloads, 8 trials." in said.out
    assert "| survive ≥ 0.90 at compute ≤ 0.40 | algoperf |" in said.out
    assert "| ray ASHA | ray tune |" in said.out
    told = json.loads((tmp_path / "results" / "pruners.json").read_text())
    subjects = {row["subject"] for row in told["rows"]}
    assert {"ray ASHA", "ray HyperBand", "optuna median", "asha_promotion"} <= subjects
    page = (tmp_path / "docs" / "pruning-benchmark.md").read_text()
    assert f"python -m benchmarks.pruners {tmp_path.name}/curves --orders 1 --points 10\n" in page
    assert said.out.split("\n\n")[0] in page
    assert (tmp_path / "docs" / "images" / "pruning-benchmark.png").stat().st_size > 10_000


def test_the_command_names_what_changes_figures() -> None:
    given = _parser().parse_args(["/a/b/curves", "--slots", "2", "--jobs", "3", "--slow"])
    assert _command(given) == "python -m benchmarks.pruners b/curves --slots 2 --slow"
    given = _parser().parse_args(["/a/b/one", "--learn", "/a/b/two"])
    assert _command(given) == "python -m benchmarks.pruners b/one --learn b/two"


def test_our_own_curves_are_a_case_for_each_target(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    runs, finals = small_sweep("sft/skill", trials=3)
    more, ends = small_sweep("sft/retention", trials=3)
    for line in (*finals, *ends):
        line["workload"] = line["group"]
    write_folder(tmp_path / "own", [*runs, *more], [*finals, *ends])
    assert main([str(tmp_path), "--min-trials", "4"]) == 0
    assert "no group of 4 trials in own." in capsys.readouterr().err
    assert _by_target("own", read_groups(tmp_path / "own")).keys() == {
        "own/skill",
        "own/retention",
    }


def test_without_data_it_says_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([str(tmp_path / "nowhere")]) == 0
    assert capsys.readouterr().err.startswith("SKIPPED: no recorded curves in ")
