"""`why`: what a trial's state rests on."""

from __future__ import annotations

import typer
from rich.console import RenderableType

from service.schemas import Why
from sweepctl import resolve, text
from sweepctl.output import Format, Output, emit, facts
from sweepctl.settings import connect


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
    """The sentence, and the evidence below it."""
    why = f" ({text.reason(found.reason)})" if found.reason else ""
    head = f"Trial {found.number} is {found.state}{why}"
    rows = [("Decided at", f"point {found.point}, {text.count(found.samples)} samples")]
    if found.point is None:
        rows = [("Samples", text.count(found.samples))]
    verdict = found.verdict
    if verdict is not None:
        evidence = verdict.evidence
        rows += [
            ("Verdict", verdict.action.value + (", runs on as an audit" if verdict.audit else "")),
            ("Reason", verdict.reason),
            ("Signal", evidence.signal or "-"),
            ("Value", text.number(evidence.value)),
            ("Cutoff", text.number(evidence.cutoff)),
            ("Peers", _peers(found, wide)),
            ("Probability", text.number(evidence.probability)),
            *(
                (name, text.number(value))
                for name, value in evidence.details.items()
                if name not in ("point", "samples")
            ),
        ]
    rows += [("Guard", found.guard)] if found.guard else []
    rows += [("Error", found.error)] if found.error else []
    return [head, found.message, facts([row for row in rows if row[1] != "-"])]


def _peers(found: Why, wide: bool) -> str:
    if wide:
        return ", ".join(found.peers) or "-"
    numbers = found.verdict.evidence.peers if found.verdict else []
    return ("trials " + ", ".join(map(str, numbers))) if numbers else "-"
