"""The runs beside a ranking as a table: base model, preset, confirmation."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from rich.console import RenderableType

from sweepctl import text
from sweepctl.output import table
from sweeps.beside import Beside
from sweeps.result import Result


def view(found: Result, wide: bool = False) -> RenderableType:
    """One row a run; `to the best` is its value less the mean of the best configuration."""
    more = ("seed", "samples", "seconds") if wide else ()
    by, lost = found.ranked_by or found.metric.name, drop_names(found, wide)
    heads = ("beside", "trial", "state", by, "stderr", "to the best")
    made = table(*heads, *(f"drop of {name}" for name in lost), *more, "")
    for row in found.beside:
        of = "" if row.of is None else f"trial {row.of} again"
        made.add_row(
            row.role.value,
            str(row.trial),
            row.state,
            text.number(row.final),
            text.number(row.stderr),
            "-" if row.difference is None else f"{row.difference:+.4g}",
            *drops(row.drops, lost),
            *([str(row.seed), text.count(row.samples), f"{row.seconds:.1f}"] if wide else []),
            row.message or of or (text.params(row.params) if row.params else _limited(found, row)),
        )
    return made


def samples(found: Result) -> str:
    """`preset 20,000, confirm 180,000`; empty when nothing ran beside the search."""
    parts = found.samples_beside.items()
    return ", ".join(f"{role} {text.count(many)}" for role, many in parts)


def drop_names(found: Result, wide: bool) -> list[str]:
    """The metrics whose drop against the base model is shown: those with a limit, which stand
    first in every row that has drops; `wide`: all, but for what is ranked by."""
    rows = [*(row.drops for row in found.ranking), *(row.drops for row in found.beside)]
    names = list(dict.fromkeys(name for row in rows for name in row))
    count = len(found.metric.max_drop)
    return names[:count] + [n for n in names[count:] if wide and n != found.ranked_by]


def _limited(found: Result, row: Beside) -> str:
    """What the base model scores where trials may not lose much."""
    return text.params({n: row.scores[n] for n in found.metric.max_drop if n in row.scores})


def drops(found: Mapping[str, float], names: Sequence[str]) -> list[str]:
    """The cells of those columns. Positive is worse than the base model."""
    return [f"{found[name]:+.4g}" if name in found else "-" for name in names]


def limits(found: Result) -> str:
    """`eval_retention_accuracy 0.02`; empty without any."""
    return ", ".join(f"{name} {most:g}" for name, most in found.metric.max_drop.items())
