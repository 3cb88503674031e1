"""`set`: change the settings of a sweep that has not ended."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from service.client import Client
from service.errors import PreconditionFailed
from service.schemas import SweepDetail
from sweepctl import resolve, text
from sweepctl.exits import CliError, ExitCode
from sweepctl.output import Format, Output, emit, facts, say
from sweepctl.settings import connect


def set_(
    ctx: typer.Context,
    sweep: resolve.SweepRef,
    priority: Annotated[
        int | None,
        typer.Option(min=-100, max=100, help="Of the sweeps that wait, higher ones go first."),
    ] = None,
    max_parallel: Annotated[
        str | None, typer.Option(help="The most trials at once; `none` for no limit.")
    ] = None,
    trials: Annotated[
        int | None, typer.Option(min=1, help="The most trials in all (budget.trials).")
    ] = None,
    revision: Annotated[
        int | None,
        typer.Option(min=0, help="Change nothing unless the settings are still of this revision."),
    ] = None,
    output: Output = Format.TABLE,
) -> None:
    """Change priority, max_parallel or the budget of trials of a sweep.

    The spec stays as it was submitted. Exit code 5 when someone changed the settings meanwhile.
    """
    wanted = _wanted(priority, max_parallel, trials)
    with connect(ctx) as client:
        found = client.get_sweep(resolve.sweep(client, sweep).id)
        seen = found.revision if revision is None else revision
        try:
            now = client.patch_sweep(found.id, seen, **wanted)
        except PreconditionFailed:
            raise _changed(client, found, seen) from None
    emit(output, now, lambda _: facts(_rows(now)), [now.id])
    say(f"next: sweepctl describe sweep {text.short(now.id)}")


def _wanted(priority: int | None, max_parallel: str | None, trials: int | None) -> dict[str, Any]:
    """The arguments of `patch_sweep`; what is not in it stays as it is."""
    wanted: dict[str, Any] = {}
    if priority is not None:
        wanted["priority"] = priority
    if max_parallel is not None:
        wanted["max_parallel"] = _parallel(max_parallel)
    if trials is not None:
        wanted["budget_trials"] = trials
    if not wanted:
        raise CliError(
            "nothing to set",
            ExitCode.USAGE,
            "name at least one of --priority N, --max-parallel N|none, --trials N",
        )
    return wanted


def _parallel(given: str) -> int | None:
    if given.lower() == "none":
        return None
    if given.isascii() and given.isdecimal() and int(given) >= 1:
        return int(given)
    raise CliError(
        f"--max-parallel {given} is neither a whole number from 1 on nor `none`",
        ExitCode.USAGE,
        "write e.g. --max-parallel 4",
    )


def _changed(client: Client, before: SweepDetail, seen: int) -> CliError:
    """What is there now, against what this command had seen."""
    now = client.get_sweep(before.id)
    moved = [
        f"{name.lower()} is {value}" + (f", was {was}" if was != value else "")
        for (name, value), (_, was) in zip(_rows(now), _rows(before), strict=True)
    ]
    return CliError(
        f"someone changed the settings of {text.short(now.id)} meanwhile: revision {seen} was "
        f"expected\n{chr(10).join(moved)}",
        ExitCode.CONFLICT,
        "look whether that suits you, and run the command again",
    )


def _rows(sweep: SweepDetail) -> list[tuple[str, str]]:
    return [
        ("Revision", str(sweep.revision)),
        ("Priority", str(sweep.priority)),
        ("Max parallel", text.limit(sweep.max_parallel)),
        ("Budget of trials", text.limit(sweep.budget_trials)),
    ]
