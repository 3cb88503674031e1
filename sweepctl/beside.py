"""The runs beside a ranking as a table: base model, preset, confirmation."""

from __future__ import annotations

from rich.console import RenderableType

from sweepctl import text
from sweepctl.output import table
from sweeps.result import Result


def view(found: Result, wide: bool = False) -> RenderableType:
    """One row a run; `to the best` is its value less the mean of the best configuration."""
    more = ("seed", "samples", "seconds") if wide else ()
    made = table("beside", "trial", "state", found.metric.name, "stderr", "to the best", *more, "")
    for row in found.beside:
        of = "" if row.of is None else f"trial {row.of} again"
        made.add_row(
            row.role.value,
            str(row.trial),
            row.state,
            text.number(row.final),
            text.number(row.stderr),
            "-" if row.difference is None else f"{row.difference:+.4g}",
            *([str(row.seed), text.count(row.samples), f"{row.seconds:.1f}"] if wide else []),
            row.message or of or text.params(row.params),
        )
    return made


def samples(found: Result) -> str:
    """`preset 20,000, confirm 180,000`; empty when nothing ran beside the search."""
    parts = found.samples_beside.items()
    return ", ".join(f"{role} {text.count(many)}" for role, many in parts)
