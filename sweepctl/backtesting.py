"""What `backtest` does with its options: read, leave out, tabulate, show."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

from rich.console import RenderableType

from sweepctl.exits import CliError, ExitCode
from sweepctl.output import table
from sweeps.backtest.engine import Settings
from sweeps.backtest.policies import OURS, names
from sweeps.backtest.priors import NothingToLearnError
from sweeps.backtest.priors import left_out as makers
from sweeps.backtest.summary import Backtest, Figures
from sweeps.backtest.table import Asked, backtest
from sweeps.backtest.variants import reversed_target, without
from sweeps.simulator.folders import read_groups
from sweeps.simulator.recorded import Group
from sweeps.simulator.tables import CurvesError

__all__ = ["Settings", "asked", "backtest", "changed", "left_out", "read", "view"]


def asked(pruner: str, risks: str, audit: float, peers: bool) -> Asked:
    """What is to be tried. Raises CliError for what is not known or would not be used."""
    if pruner not in names():
        hint = f"use one of: {', '.join(names())}"
        raise CliError(f"there is no pruner {pruner!r}", ExitCode.USAGE, hint)
    if audit and pruner != OURS:
        hint = f"write --pruner {OURS}, or leave --audit out"
        raise CliError(f"{pruner} audits nothing", ExitCode.USAGE, hint)
    return Asked(pruner, _risks(risks), audit, peers)


def read(folder: Path, min_trials: int) -> list[Group]:
    """The groups of a folder with so many trials, at least one. Raises CliError."""
    try:
        groups = read_groups(folder)
    except CurvesError as error:
        raise CliError(str(error), ExitCode.USAGE, "docs/backtest.md has the format") from error
    found = [group for group in groups if len(group.runs) >= min_trials]
    if found:
        return found
    largest = max((len(group.runs) for group in groups), default=0)
    if not largest:
        message = f"no run of {folder} is in runs and in finals.csv and valid there"
        raise CliError(message, ExitCode.USAGE, "give group, config_id and seed alike in both")
    message = f"no group of {folder} has {min_trials} trials; the largest has {largest}"
    raise CliError(message, ExitCode.USAGE, f"--min-trials {largest}")


def changed(groups: list[Group], drop: Collection[str], reverse: bool) -> list[Group]:
    """The groups without these signals, and with the target's sign turned round or not."""
    if drop:
        groups = [without(group, drop) for group in groups]
    return [reversed_target(group) for group in groups] if reverse else groups


def left_out(
    groups: list[Group], learn_from: list[Group], asked: Asked, settings: Settings
) -> Backtest:
    """The table with a prior from other problems; `learn_from` is as it was recorded. Raises
    CliError."""
    try:
        make = makers(groups, learn_from, settings.points)
    except NothingToLearnError as error:
        hint = "name folders of other problems: --learn FOLDER"
        raise CliError(str(error), ExitCode.USAGE, hint) from error
    return backtest(groups, asked, settings, make).model_copy(update={"leave_one_out": True})


def view(found: Backtest, wide: bool) -> list[RenderableType]:
    """The pruner and its peers, cheapest first; wide: each group too."""
    made = table("policy", "risk", "compute", "regret", "best kept", "within", "time")
    lines: list[tuple[str, str, Figures]] = [
        (found.pruner, f"{row.risk:g}", row) for row in found.rows
    ]
    beside = [(name, "", row) for name, row in found.peers.items()]
    lines += sorted(beside, key=lambda line: line[2].compute)
    for name, risk, row in lines:
        made.add_row(name, risk, *_figures(row))
    parts: list[RenderableType] = [made]
    if wide:
        parts += ["", _groups_view(found)]
    said = (
        f"Groups: {found.groups}, of {found.workloads} workloads. Trials: {found.trials}. Orders: "
        f"{found.order_seeds}. Slots: {found.slots}. Within: regret at most "
        f"{found.rows[0].tolerance:g}. In brackets: 95 % over workloads."
    )
    return [*parts, "", said, *(f"- {note}" for note in found.notes)]


def _figures(row: Figures) -> list[str]:
    bounds: dict[str, tuple[float, float] | None] = getattr(row, "interval", {})
    names = ("compute", "regret", "best_kept", "kept_within_tolerance", "time_to_result")
    return [_figure(getattr(row, name), bounds.get(name)) for name in names]


def _figure(value: float, bounds: tuple[float, float] | None) -> str:
    return f"{value:.3f}" + (f" [{bounds[0]:.3f}, {bounds[1]:.3f}]" if bounds else "")


def _groups_view(found: Backtest) -> RenderableType:
    made = table("group", "trials", "risk", "compute", "regret", "best kept", "within", "time")
    for row in found.rows:
        for one in row.groups:
            made.add_row(one.group, str(one.trials), f"{row.risk:g}", *_figures(one))
    return made


def _risks(text: str) -> tuple[float, ...]:
    """Each once, in the order written."""
    try:
        found = tuple(dict.fromkeys(float(part) for part in text.split(",")))
    except ValueError:
        found = ()
    if found and all(0 < risk < 1 for risk in found):
        return found
    message = f"{text!r} is no list of risks: each lies between 0 and 1"
    raise CliError(message, ExitCode.USAGE, "write e.g. --risk 0.05,0.1,0.2")
