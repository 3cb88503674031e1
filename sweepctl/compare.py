"""`compare`: trials side by side, or sweeps."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Annotated, Any

import typer
from rich.console import RenderableType

from service.client import Client
from sweepctl import completing, resolve, text
from sweepctl.exits import CliError, ExitCode
from sweepctl.output import Format, Output, beside, emit
from sweepctl.settings import connect
from sweepctl.sweep_sides import SweepComparison, SweepSide, compare_sweeps
from sweepctl.trial_sides import Mark, TrialComparison, TrialSide, compare_trials
from sweeps.ranking import Ranked
from sweeps.trial import Role

# Rows of decision points that a table shows; -o wide shows all.
_MARKS = 8
Refs = Annotated[
    list[str],
    typer.Argument(
        metavar="A B [...]",
        help="Trials (SWEEP/NUMBER, trl_...), or sweeps (id, unique prefix or name).",
        autocompletion=completing.sweeps_and_trials,
    ),
]


def compare(ctx: typer.Context, refs: Refs, output: Output = Format.TABLE) -> None:
    """Trials side by side: what differs, and both signals at equal samples; or sweeps."""
    if len(refs) < 2:
        raise CliError("name two or more", ExitCode.USAGE, f"sweepctl compare {refs[0]} OTHER")
    kinds = {resolve.is_trial(ref) for ref in refs}
    if len(kinds) > 1:
        raise CliError(
            "trials and sweeps cannot be compared with each other",
            ExitCode.USAGE,
            "name trials alone (SWEEP/NUMBER), or sweeps alone",
        )
    with connect(ctx) as client:
        if kinds == {True}:
            trials = _trials(client, refs)
            emit(output, trials, lambda wide: _trials_view(trials, wide), _ids(trials.trials))
        else:
            found = [client.get_sweep(resolve.sweep(client, ref).id) for ref in refs]
            sweeps = compare_sweeps(found, [client.result(one.id) for one in found])
            emit(output, sweeps, lambda _: _sweeps_view(sweeps), _ids(sweeps.sweeps))


def _trials(client: Client, refs: Sequence[str]) -> TrialComparison:
    found = [resolve.trial(client, ref) for ref in refs]
    owners = {one.sweep_id: client.get_sweep(one.sweep_id) for one in found}
    return compare_trials(found, [owners[one.sweep_id] for one in found])


def _ids(sides: Sequence[TrialSide] | Sequence[SweepSide]) -> list[str]:
    return [side.id for side in sides]


def _trials_view(found: TrialComparison, wide: bool) -> list[RenderableType]:
    sides = found.trials
    made = beside("", [side.ref for side in sides])
    roles = [side.role.value for side in sides]
    rows: list[tuple[str, list[str]]] = [
        ("id", [side.id if wide else text.short(side.id) for side in sides]),
        *([("role", roles)] if len(set(roles)) > 1 or roles[0] != Role.SEARCH else []),
        *((name, [_parameter(side.params.get(name)) for side in sides]) for name in found.differ),
        ("state", [side.state for side in sides]),
        ("reason", [text.reason(side.reason) for side in sides]),
        (f"final {_metric(sides)}", [_final(side) for side in sides]),
        (f"best {_metric(sides)}", [text.number(side.best) for side in sides]),
        ("samples", [text.count(side.samples) for side in sides]),
        ("compute used", [f"{text.count(side.samples_run)} samples" for side in sides]),
        ("seconds", [f"{side.seconds:.1f}" for side in sides]),
    ]
    for name, values in rows:
        made.add_row(name, *values)
    parts: list[RenderableType] = [made, "", f"Same in all: {text.params(found.common)}"]
    if found.marks:
        parts += ["", _marks_view(found, wide)]
    return parts + (["", *(f"- {note}" for note in found.notes)] if found.notes else [])


def _marks_view(found: TrialComparison, wide: bool) -> RenderableType:
    refs = [side.ref for side in found.trials]
    made = beside("samples", [f"{what} {ref}" for what in ("loss", "grad_norm") for ref in refs])
    for mark in found.marks if wide else _chosen(found.marks):
        place = text.share(mark.share) if mark.samples is None else text.count(mark.samples)
        made.add_row(place, *(text.number(value) for value in [*mark.loss, *mark.grad_norm]))
    return made


def _chosen(marks: Sequence[Mark]) -> list[Mark]:
    """Some of them, evenly; the last one that all reached and the last of all are kept."""
    if len(marks) <= _MARKS:
        return list(marks)
    last = len(marks) - 1
    kept = {round(step * last / (_MARKS - 2)) for step in range(_MARKS - 1)}
    shared = [at for at, mark in enumerate(marks) if None not in mark.loss]
    return [marks[at] for at in sorted(kept | set(shared[-1:]))]


def _sweeps_view(found: SweepComparison) -> list[RenderableType]:
    sides = found.sweeps
    made = beside("", [side.name for side in sides])
    best = [side.best for side in sides]
    runs = ["-" if one is None else str(one.runs) for one in best]
    rows: list[tuple[str, list[str]]] = [
        ("id", [text.short(side.id) for side in sides]),
        ("state", [side.state for side in sides]),
        ("trials", [text.states(side.trials) for side in sides]),
        ("metric", [f"{side.metric.name}, {side.metric.goal}" for side in sides]),
        ("best trial", ["-" if one is None else str(one.trial) for one in best]),
        ("its final", ["-" if one is None else _mean(one) for one in best]),
        *([("its runs", runs)] if any(one is not None and one.runs > 1 for one in best) else []),
        ("its parameters", ["-" if one is None else text.params(one.params) for one in best]),
        ("compute used", [f"{text.count(side.samples_run)} samples" for side in sides]),
        ("compute saved", [text.share(side.compute_saved) for side in sides]),
    ]
    for name, values in rows:
        made.add_row(name, *values)
    parts: list[RenderableType] = [made, "", found.verdict, ""]
    if not found.differences:
        return [*parts, "The specs are the same."]
    spec = beside("spec", [side.name for side in sides])
    for row in found.differences:
        spec.add_row(row.field, *(_plain(value) for value in row.values))
    return [*parts, spec]


def _metric(sides: Sequence[TrialSide]) -> str:
    names = {side.metric.name for side in sides}
    return names.pop() if len(names) == 1 else "metric"


def _final(side: TrialSide) -> str:
    return _pair(side.final, side.stderr)


def _mean(row: Ranked) -> str:
    return _pair(row.mean, row.error)


def _pair(value: float | None, error: float | None) -> str:
    return text.number(value) + ("" if error is None else f" +- {error:.2g}")


def _parameter(value: Any) -> str:
    return "-" if value is None else text.parameter(value)


def _plain(value: Any) -> str:
    if value is None:
        return "-"
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
