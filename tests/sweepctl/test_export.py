from __future__ import annotations

from pathlib import Path

import pytest
from asking import Cli

from sweeps.simulator.folders import read_groups


def test_curves_of_sweeps_in_a_folder(cli: Cli, tmp_path: Path) -> None:
    folder = tmp_path / "deep" / "curves"
    result = cli("export", "curves", "done", "running", "done", "--to", str(folder))
    assert result.exit_code == 0, result.output
    assert result.stdout == f"{folder}\n"
    assert "of 9 trials" in result.stderr
    assert sorted(one.name.rpartition("-")[0] for one in read_groups(folder)) == ["done", "running"]


def test_it_replaces_nothing_unasked(
    cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert cli("export", "curves", "done").stdout == "done-curves\n"
    before = (tmp_path / "done-curves" / "runs.csv.gz").read_bytes()
    again = cli("export", "curves", "done")
    assert again.exit_code == 5
    assert "holds runs.csv.gz and finals.csv already" in again.stderr
    assert again.stderr.splitlines()[-1].startswith("next: sweepctl export curves done --to ")
    forced = cli("export", "curves", "done", "--force", "-o", "done-curves")
    assert forced.exit_code == 0
    assert (tmp_path / "done-curves" / "runs.csv.gz").read_bytes() == before


def test_what_is_not_there(cli: Cli, tmp_path: Path) -> None:
    assert cli("export", "curves", "nothing", "--to", str(tmp_path)).exit_code == 3
    assert list(tmp_path.iterdir()) == []
