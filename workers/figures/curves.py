"""Loss, gradient norm and metric against samples, one line a trial, with what befell it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from sweeps.journal import Story
from sweeps.lifecycle import TrialState
from sweeps.metric import value_at
from sweeps.ranking import Ranked
from sweeps.spec import SweepSpec
from sweeps.trial import Role, TrialRecord
from workers.figures.looks import LOOKS
from workers.figures.shapes import Axis, Figure, Line, Mark, Panel
from workers.figures.tellings import (
    Happening,
    drawable,
    fate,
    first_of,
    happenings,
    name_of,
    ranked_by,
)

# More lines than this are a blur, and a slow page.
MOST_LINES = 150
# Values that span more than this many times their least are drawn on a log axis.
LOG_SPAN = 5.0
_TITLES = {
    "loss": "training loss [nats per token]",
    "grad_norm": "gradient norm, pre-clip [L2]",
}


def curves(spec: SweepSpec, story: Story) -> Figure:
    """The figure of all curves; at most MOST_LINES of them."""
    first, metric = first_of(spec, story), spec.spec.metric.name
    best = None if first is None else first.trial
    records = [r for _, r in sorted(story.trials.items()) if r.reports]
    drawn = chosen(records, best)
    signals = [name for name in dict.fromkeys(["loss", "grad_norm", metric]) if _has(drawn, name)]
    panels = [_panel(name, drawn, best) for name in signals]
    notes = []
    if len(drawn) < len(records):
        notes.append(
            f"Drawn are {len(drawn)} of {len(records):,} trials: the best, audits, base, preset "
            "and confirmation runs, and of the others every so many."
        )
    if drawn and "grad_norm" not in signals:
        notes.append("No trial reported a gradient norm.")
    if not panels:
        notes.append("No trial has reported anything yet.")
    return Figure("curves", _title(records, first, metric), tuple(panels), tuple(notes))


def chosen(records: Sequence[TrialRecord], best: int | None) -> list[TrialRecord]:
    """At most MOST_LINES, in their order: those that matter most, the rest evenly spread."""
    if len(records) <= MOST_LINES:
        return list(records)
    first = [r for r in records if _matters(r, best)]
    first = sorted(first, key=lambda r: r.trial.number != best)[:MOST_LINES]
    rest = [r for r in records if not _matters(r, best)]
    room = min(MOST_LINES - len(first), len(rest))
    picked = first + [rest[index * len(rest) // room] for index in range(room)]
    return sorted(picked, key=lambda r: r.trial.number)


def _matters(record: TrialRecord, best: int | None) -> bool:
    return fate(record, best) in ("best", "audited") or record.trial.role is not Role.SEARCH


def wants_log(values: Iterable[float]) -> bool:
    """Whether a log axis shows more: all values positive, and far apart."""
    known = list(values)
    return bool(known) and min(known) > 0 and max(known) > LOG_SPAN * min(known)


def _has(records: Sequence[TrialRecord], signal: str) -> bool:
    return any(
        drawable(value_at(r, signal)) is not None for t in records for r in t.reports.values()
    )


def _panel(signal: str, records: Sequence[TrialRecord], best: int | None) -> Panel:
    lines, marks = list[Line](), list[Mark]()
    for record in sorted(records, key=lambda r: list(LOOKS).index(fate(r, best))):
        line, gaps = _line(signal, record, fate(record, best))
        if any(y is not None for y in line.y):
            lines.append(line)
            marks += gaps
            marks += _alone(line)
            marks += [m for h in happenings(record) if (m := _mark(h, record, line)) is not None]
    values = [y for line in lines for y in line.y if y is not None]
    y_axis = Axis(_TITLES.get(signal, signal), log=wants_log(values))
    return Panel(Axis("samples seen"), y_axis, tuple(lines), tuple(marks))


def _line(signal: str, record: TrialRecord, look: str) -> tuple[Line, list[Mark]]:
    """The curve, and a mark where it had a value that is no finite number: at the last finite one
    before, or the first one after."""
    found = [
        (r, v) for _, r in sorted(record.reports.items()) if (v := value_at(r, signal)) is not None
    ]
    name, shown = name_of(record), [drawable(value) for _, value in found]
    words = tuple(f"{name}: {signal} {v:.5g} at {r.samples:,} samples" for r, v in found)
    line = Line(look, tuple(float(r.samples) for r, _ in found), tuple(shown), words)
    marks = []
    for place, (report, value) in enumerate(found):
        near = [y for y in (*shown[:place][::-1], *shown[place:]) if y is not None]
        if shown[place] is None and near:
            said = f"{name}: {signal} was {value} at {report.samples:,} samples"
            marks.append(Mark("not_finite", float(report.samples), near[0], said))
    return line, marks


def _alone(line: Line) -> list[Mark]:
    """One value is no line: it is shown as a point."""
    found = [(x, y, w) for x, y, w in zip(line.x, line.y, line.words, strict=True) if y is not None]
    return [Mark(line.look, *found[0])] if len(found) == 1 else []


def _mark(happening: Happening, record: TrialRecord, line: Line) -> Mark | None:
    """On the line, at the last value up to the report; None when the line begins later."""
    samples = float(happening.report.samples)
    before = [y for x, y in zip(line.x, line.y, strict=True) if x <= samples and y is not None]
    if not before:
        return None
    said = f"{name_of(record)}, {happening.report.samples:,} samples: {happening.words}"
    return Mark(happening.look, samples, before[-1], said)


def _title(records: Sequence[TrialRecord], best: Ranked | None, metric: str) -> str:
    search = [r for r in records if r.trial.role is Role.SEARCH]
    ended = sum(r.state == TrialState.DONE for r in search)
    stopped = sum(r.state == TrialState.STOPPED for r in search)
    first = f"; trial {best.trial} ranks first by {metric}{ranked_by(best)}" if best else ""
    many = f"{len(search):,} trial{'' if len(search) == 1 else 's'}"
    return f"Curves of {many}: {ended:,} ran to the end, {stopped:,} were stopped early{first}"
