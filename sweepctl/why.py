"""`why`: what a trial's state rests on."""

from __future__ import annotations

import typer
from rich.console import RenderableType

from service.schemas import Why
from sweepctl import resolve, text
from sweepctl.output import Format, Output, emit, facts, table
from sweepctl.settings import connect
from sweeps.facts import Facts, told


def why(
    ctx: typer.Context,
    trial: resolve.TrialRef,
    output: Output = Format.TABLE,
) -> None:
    """Why a trial was stopped, or is where it is."""
    with connect(ctx) as client:
        found = client.why(resolve.trial(client, trial).id)
    emit(output, found, lambda wide: view(found, wide), [found.trial_id])


def view(found: Why, wide: bool = False) -> list[RenderableType]:
    """The sentence and the evidence below it; `wide` with every verdict that there was."""
    why = f" ({text.reason(found.reason)})" if found.reason else ""
    head = f"Trial {found.number} is {found.state}{why}"
    rows = [("Decided at", f"point {found.point}, {text.count(found.samples)} samples")]
    if found.point is None:
        rows = [("Samples", text.count(found.samples))]
    if found.facts is not None:
        rows = _rows(found.facts, found.peers if wide else [])
    rows += [("Guard", found.guard)] if found.guard else []
    rows += [("Error", found.error)] if found.error else []
    parts: list[RenderableType] = [head, found.message, facts(rows)]
    return [*parts, "", _verdicts(found.verdicts)] if wide and found.verdicts else parts


def _rows(seen: Facts, ids: list[str]) -> list[tuple[str, str]]:
    """The facts of a verdict, as MLflow's tags have them; `ids` are shown for the peers."""
    named = told(seen)
    at = f"point {named.pop('point', '-')}, {text.count(seen.samples)} samples"
    verdict = seen.action + (", runs on as an audit" if seen.audit else "")
    rows = [("Decided at", at), ("Verdict", verdict), ("Reason", named.pop("reason"))]
    for name in ("samples", "message", "audit", "peer_count"):
        named.pop(name, None)
    if "peers" in named:
        named["peers"] = ", ".join(ids) or f"trials {', '.join(map(str, seen.peers))}"
        if more := seen.peer_count - len(seen.peers):
            named["peers"] += f" and {more:,} less like it"
    return rows + [(name.replace("_", " ").capitalize(), value) for name, value in named.items()]


def _verdicts(every: list[Facts]) -> RenderableType:
    """What was decided at each point, and why."""
    made = table("point", "samples", "verdict", "signal", "value", "cutoff", "probability", "why")
    for seen in every:
        made.add_row(
            "-" if seen.point is None else str(seen.point),
            text.count(seen.samples),
            seen.action + (" (audit)" if seen.audit else ""),
            seen.signal or "-",
            text.number(seen.value),
            text.number(seen.cutoff),
            text.number(seen.probability),
            seen.message,
        )
    return made
