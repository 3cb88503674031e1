"""`get sweeps | trials | pools`."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import islice
from typing import Annotated

import typer

from sweepctl import completing, resolve, tables, text
from sweepctl.exits import CliError, ExitCode
from sweepctl.output import Format, Output, emit, say
from sweepctl.settings import connect
from sweeps.faults import nearest
from sweeps.lifecycle import SweepState, TrialState
from sweeps.trial import Role

app = typer.Typer(no_args_is_help=True, help="List sweeps, trials of a sweep, or pools.")

Limit = Annotated[int, typer.Option(min=1, help="The most to list.")]

# What the service sorts by; `-` in front turns the order round.
_SWEEP_SORTS = ("created_at", "updated_at", "name", "priority")
_TRIAL_SORTS = ("number", "value", "loss", "grad_norm", "samples", "attempts", "updated_at")


@app.command("sweeps")
def sweeps(
    ctx: typer.Context,
    output: Output = Format.TABLE,
    state: Annotated[
        str | None,
        typer.Option(help="Only those in this state.", autocompletion=completing.sweep_states),
    ] = None,
    project: Annotated[str | None, typer.Option(help="Only those of this project.")] = None,
    pool: Annotated[str | None, typer.Option(help="Only those for this pool.")] = None,
    name: Annotated[str | None, typer.Option(help="Only those of exactly this name.")] = None,
    label: Annotated[
        list[str] | None,
        typer.Option(
            "-l", "--label", metavar="KEY=VALUE", help="Only those with this label; repeatable."
        ),
    ] = None,
    sort: Annotated[
        str | None,
        typer.Option(
            help=f"By {', '.join(_SWEEP_SORTS)}; `-` in front: falling. Default: -created_at.",
            autocompletion=lambda: _both(_SWEEP_SORTS),
        ),
    ] = None,
    limit: Limit = 100,
) -> None:
    """Sweeps, newest first. Filters hold all at once."""
    wanted = _state(state, [one.value for one in SweepState])
    filters = {"pool": pool, "name": name, "sort": _sort(sort, _SWEEP_SORTS)}
    labels = _labels(label or [])
    with connect(ctx) as client:
        every = client.every_sweep(wanted, project, labels=labels, **filters)
        found = list(islice(every, limit))
    if not found and output in (Format.TABLE, Format.WIDE):
        say(_none([state, project, pool, name, *labels]))
        return
    emit(output, found, lambda wide: tables.sweeps(found, wide), [one.id for one in found])


@app.command("trials")
def trials(
    ctx: typer.Context,
    sweep: resolve.SweepRef,
    output: Output = Format.TABLE,
    state: Annotated[
        str | None,
        typer.Option(help="Only those in this state.", autocompletion=completing.trial_states),
    ] = None,
    role: Annotated[
        str | None,
        typer.Option(
            help=f"Only those run for this: {', '.join(Role)}.", autocompletion=lambda: list(Role)
        ),
    ] = None,
    sort: Annotated[
        str | None,
        typer.Option(
            help=f"By {', '.join(_TRIAL_SORTS)}; `-` in front: falling. Default: number.",
            autocompletion=lambda: _both(_TRIAL_SORTS),
        ),
    ] = None,
    limit: Limit = 10_000,
) -> None:
    """A sweep's trials, by number. Sorted by a value, those without one come last."""
    wanted = _state(state, [one.value for one in TrialState])
    order, purpose = _sort(sort, _TRIAL_SORTS), _role(role)
    with connect(ctx) as client:
        owner = resolve.sweep(client, sweep)
        every = client.every_trial(owner.id, wanted, role=purpose, sort=order)
        found = list(islice(every, limit))
    if not found and output in (Format.TABLE, Format.WIDE):
        said = f": {owner.message}" if owner.message else ""
        say(f"no {'such ' if wanted or purpose else ''}trials; the sweep is {owner.state}{said}")
        say(f"next: sweepctl describe sweep {text.short(owner.id)}")
        return
    emit(
        output,
        found,
        lambda wide: tables.trials(found, owner.metric.name, wide),
        [one.id for one in found],
    )


@app.command("pools")
def pools(ctx: typer.Context, output: Output = Format.TABLE) -> None:
    """Pools and their agents."""
    with connect(ctx) as client:
        found = client.pools().items
    if not found and output in (Format.TABLE, Format.WIDE):
        say("no pools: no agent has called yet; next: sweepctl up")
        return
    emit(output, found, lambda wide: tables.pools(found, wide), [one.name for one in found])


def _none(filters: Sequence[str | None]) -> str:
    if any(filters):
        return "no such sweeps; next: sweepctl get sweeps"
    return "no sweeps; next: sweepctl create --preset quickstart"


def _both(names: Sequence[str]) -> list[str]:
    return [*names, *(f"-{name}" for name in names)]


def _state(given: str | None, known: list[str]) -> str | None:
    return _one_of("--state", given.upper() if given else None, given, known)


def _role(given: str | None) -> str | None:
    return _one_of("--role", given.lower() if given else None, given, [*Role])


def _sort(given: str | None, names: Sequence[str]) -> str | None:
    return _one_of("--sort", given, given, _both(names))


def _one_of(option: str, meant: str | None, given: str | None, known: Sequence[str]) -> str | None:
    if meant is None or meant in known:
        return meant
    close = nearest(meant, list(known)) or known[0]
    raise CliError(
        f"{option} {given} is not one of {', '.join(known)}",
        ExitCode.USAGE,
        f"did you mean {option} {close}?",
    )


def _labels(given: Sequence[str]) -> dict[str, str]:
    """`team=nlp` -> {"team": "nlp"}. Raises CliError for anything else."""
    found: dict[str, str] = {}
    for label in given:
        name, equals, value = label.partition("=")
        if not (name and equals):
            raise CliError(
                f"--label {label}: not KEY=VALUE", ExitCode.USAGE, "write e.g. --label team=nlp"
            )
        if found.get(name, value) != value:
            raise CliError(
                f"--label {name} is asked to be {found[name]} and {value} at once",
                ExitCode.USAGE,
                "leave one of them out",
            )
        found[name] = value
    return found
