"""What a person types for a sweep or a trial -> the one that is meant."""

from __future__ import annotations

import re
from collections.abc import Sequence
from difflib import get_close_matches
from typing import Annotated

import typer

from service.client import Client
from service.errors import NotFound
from service.schemas import Sweep, Trial, TrialDetail
from sweepctl import completing
from sweepctl.exits import CliError, ExitCode
from sweepctl.text import age, short
from sweeps.trial import trial_id

# What commands take for one sweep, one trial, or either.
SweepRef = Annotated[
    str,
    typer.Argument(
        metavar="SWEEP", help="Id, unique prefix or name.", autocompletion=completing.sweeps
    ),
]
TrialRef = Annotated[
    str,
    typer.Argument(
        metavar="TRIAL",
        help="SWEEP/NUMBER, id or unique prefix.",
        autocompletion=completing.trials,
    ),
]
AnyRef = Annotated[
    str,
    typer.Argument(
        metavar="TRIAL|SWEEP",
        help="A trial, as SWEEP/NUMBER or trl_..., or a whole sweep.",
        autocompletion=completing.sweeps_and_trials,
    ),
]
# Sweeps among which the nearest name is looked for.
_NEWEST = 200
# What a sweep can be called, as sweeps.spec has it; the service refuses to look for more.
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
_FULL = re.compile(r"^(swp|trl)_[0-9a-f]{32}$")


def is_trial(ref: str) -> bool:
    """True for what can only mean a trial: `trl_...` or SWEEP/NUMBER."""
    return ref.startswith("trl_") or "/" in ref


def sweep(client: Client, ref: str) -> Sweep:
    """By id, unique prefix of an id (`swp_3f`), or name. Raises CliError when none or many fit."""
    if _FULL.match(ref) and ref.startswith("swp_"):
        return client.get_sweep(ref)
    found = list(client.every_sweep(name=ref)) if _NAME.fullmatch(ref) else []
    if ref.startswith("swp_") and not found:
        found = [item for item in client.every_sweep() if item.id.startswith(ref)]
    if len(found) > 1:
        raise _ambiguous(ref, [_row(item) for item in found])
    if not found:
        raise _no_sweep(client, ref)
    return found[0]


def trial(client: Client, ref: str) -> TrialDetail:
    """By id, unique prefix of an id, or SWEEP/NUMBER. Raises CliError when none or many fit."""
    if _FULL.match(ref) and ref.startswith("trl_"):
        return client.get_trial(ref)
    if "/" in ref:
        return _by_number(client, ref)
    if not ref.startswith("trl_"):
        raise CliError(
            f"'{ref}' names no trial",
            ExitCode.USAGE,
            "write SWEEP/NUMBER, like swp_3f/7, or trl_...",
        )
    found: list[Trial] = []
    for item in client.every_sweep():
        found += [one for one in client.every_trial(item.id) if one.id.startswith(ref)]
    if len(found) > 1:
        rows = [
            f"{short(one.id)}  {short(one.sweep_id)}/{one.number}  {one.state}" for one in found
        ]
        raise _ambiguous(ref, rows)
    if not found:
        raise CliError(f"there is no trial '{ref}'", ExitCode.NOT_FOUND, "sweepctl get sweeps")
    return client.get_trial(found[0].id)


def _no_sweep(client: Client, ref: str) -> CliError:
    """With the names nearest to what was typed, of the newest sweeps."""
    newest = client.list_sweeps(_NEWEST).items
    known = {item.name: item for item in reversed(newest)}
    close = get_close_matches(ref, known, n=3, cutoff=0.5)
    rows = "".join(f"\n  {_row(known[name])}" for name in close)
    near = f"; the nearest names are:{rows}" if close else ""
    hint = f"did you mean '{close[0]}'? sweepctl get sweeps" if close else "sweepctl get sweeps"
    return CliError(f"there is no sweep '{ref}'{near}", ExitCode.NOT_FOUND, hint)


def _row(item: Sweep) -> str:
    return f"{short(item.id)}  {item.name}  {item.state}  {age(item.created_at)} old"


def _by_number(client: Client, ref: str) -> TrialDetail:
    left, _, right = ref.rpartition("/")
    if not right.isdecimal():
        raise CliError(
            f"'{right}' in '{ref}' is not a trial's number", ExitCode.USAGE, "write e.g. swp_3f/7"
        )
    owner = sweep(client, left)
    try:
        return client.get_trial(trial_id(owner.id, int(right)))
    except NotFound:
        raise CliError(
            f"sweep {short(owner.id)} ({owner.name}) has no trial {int(right)}; "
            f"it has {sum(owner.trials.values())} by now",
            ExitCode.NOT_FOUND,
            f"sweepctl get trials {short(owner.id)}",
        ) from None


def _ambiguous(ref: str, candidates: Sequence[str]) -> CliError:
    lines = "\n".join(f"  {line}" for line in candidates[:20])
    more = f"\n  and {len(candidates) - 20} more" if len(candidates) > 20 else ""
    return CliError(
        f"'{ref}' fits {len(candidates)}:\n{lines}{more}", ExitCode.USAGE, "write more of the id"
    )
