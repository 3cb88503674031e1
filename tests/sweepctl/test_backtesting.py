"""The parts of `backtest` that are not seen whole in test_backtest.py."""

from __future__ import annotations

from pathlib import Path

import pytest
from flat_sweeps import flat_folder, flat_group

from sweepctl.backtesting import asked, backtest, changed, left_out, read, view
from sweepctl.exits import CliError, ExitCode
from sweeps.backtest.engine import Settings
from sweeps.backtest.table import Asked

FINALS = [float(n) for n in range(6)]


@pytest.mark.parametrize(
    ("text", "risks"),
    [("0.1", (0.1,)), ("0.2,0.05", (0.2, 0.05)), ("0.1, 0.1", (0.1,))],
)
def test_risks_are_a_list_of_shares(text: str, risks: tuple[float, ...]) -> None:
    assert asked("median", text, 0.0, True) == Asked("median", risks)


@pytest.mark.parametrize("text", ["", "0", "1", "-0.1", "nan", "0.1,", "0.1;0.2"])
def test_what_is_no_risk_is_refused(text: str) -> None:
    with pytest.raises(CliError, match="is no list of risks") as error:
        asked("median", text, 0.0, True)
    assert error.value.code is ExitCode.USAGE


def test_the_largest_group_is_named(tmp_path: Path) -> None:
    folder = flat_folder(tmp_path, FINALS)
    assert [group.name for group in read(folder, 6)] == ["flat"]
    with pytest.raises(CliError, match="7 trials; the largest has 6") as error:
        read(folder, 7)
    assert error.value.hint == "--min-trials 6"


def test_nothing_is_changed_unasked(tmp_path: Path) -> None:
    groups = [flat_group(tmp_path, FINALS)]
    assert changed(groups, [], False) is groups
    (turned,) = changed(groups, ["metric"], True)
    assert turned.watch is None
    assert turned.higher_is_better


def test_all_of_one_problem_teach_nothing(tmp_path: Path) -> None:
    groups = [flat_group(tmp_path, FINALS)]
    with pytest.raises(CliError, match="nothing to learn from for toy") as error:
        left_out(groups, groups, Asked("early_dynamics"), Settings())
    assert error.value.hint == "name folders of other problems: --learn FOLDER"


def test_the_groups_are_for_the_wide_view(tmp_path: Path) -> None:
    found = backtest([flat_group(tmp_path, FINALS)], Asked("median"), Settings(orders=1))
    assert len(view(found, True)) == len(view(found, False)) + 2
