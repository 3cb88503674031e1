"""The final metric over two swept parameters, by preference learning rate and batch size."""

from __future__ import annotations

import math
from collections.abc import Sequence

from sweeps.journal import Story
from sweeps.lifecycle import TrialState
from sweeps.metric import cost, final, value_at
from sweeps.spec import SweepSpec
from sweeps.trial import Role, TrialRecord
from workers.figures.axes import Swept, two_swept
from workers.figures.shapes import Axis, Cell, Figure, Panel
from workers.figures.tellings import drawable, first_of, name_of, ranked_by

NAME = "heat"
STAR = "★"


def heat(spec: SweepSpec, story: Story) -> Figure:
    """The figure; without panels when nothing is varied."""
    records = [r for _, r in sorted(story.trials.items()) if r.trial.role is Role.SEARCH]
    swept, others = two_swept([record.trial.params for record in records])
    metric, first = spec.spec.metric, first_of(spec, story)
    best = None if first is None else first.trial
    if not swept:
        return Figure(NAME, f"Final {metric.name}", notes=("No parameter differs between trials.",))
    groups: dict[tuple[int, int], list[TrialRecord]] = {}
    outside = 0
    for record in records:
        places = [axis.place(record.trial.params) for axis in swept]
        column, row = places[0], places[1] if len(places) > 1 else 0
        if column is None or row is None:
            outside += 1
        else:
            groups.setdefault((column, row), []).append(record)
    cells = [_cell(spec, place, group, best) for place, group in sorted(groups.items())]
    panel = Panel(
        _axis(swept[0]),
        _axis(swept[1]) if len(swept) > 1 else Axis("", ticks=((0.0, "all trials"),)),
        cells=tuple(cells),
        scale=f"final {metric.name}",
        less_is_better=metric.goal == "minimize",
    )
    blank = len(cells) < math.prod(len(axis.labels) for axis in swept)
    notes = _notes(cells, others, blank, outside)
    if first is not None:
        notes += (f"{STAR}: trial {best}, which ranks first{ranked_by(first)}.",)
    return Figure(NAME, _title(spec, swept, cells), (panel,), notes)


def _axis(swept: Swept) -> Axis:
    return Axis(swept.name, ticks=tuple((float(i), word) for i, word in enumerate(swept.labels)))


def _cell(
    spec: SweepSpec, place: tuple[int, int], group: Sequence[TrialRecord], best: int | None
) -> Cell:
    """The best final of the trials here; without one, how far they came and the last value."""
    metric, points = spec.spec.metric, spec.spec.report.points
    finals = [(final(r, metric, points), r) for r in group if r.state == TrialState.DONE]
    finite = [(value, r) for given, r in finals if (value := drawable(given)) is not None]
    if not finite:
        return _open_cell(spec, place, group)
    value, record = min(finite, key=lambda pair: (cost(pair[0], metric), pair[1].trial.number))
    star = f"{STAR} " if any(r.trial.number == best for _, r in finite) else ""
    many = f"best of {len(finite)} finals, " if len(finite) > 1 else ""
    words = f"{many}{name_of(record)}: final {metric.name} {value:.6g}"
    return Cell(*place, value, f"{star}{value:.4g}", words)


def _open_cell(spec: SweepSpec, place: tuple[int, int], group: Sequence[TrialRecord]) -> Cell:
    points = spec.spec.report.points
    record = max(group, key=lambda r: r.last_report.point if r.last_report else 0)
    last = record.last_report
    if last is None:
        return Cell(*place, None, "no report", f"{name_of(record)} has reported nothing")
    share = f"{last.point / points:.0%}"
    known = [
        (name, value)
        for name in (spec.spec.metric.name, "loss")
        for _, report in sorted(record.reports.items(), reverse=True)
        if (value := value_at(report, name)) is not None
    ]
    name, value = known[0] if known else ("", math.nan)
    shown = f"{value:.4g}" if name == spec.spec.metric.name else f"{name} {value:.3g}".strip()
    told = f"{name_of(record)} ({record.state.lower()}) came to {share} of its run"
    said = f"; its last {name} was {value:.6g}" if known else ""
    return Cell(*place, None, f"{shown}\nat {share}" if known else f"at {share}", told + said)


def _title(spec: SweepSpec, swept: Sequence[Swept], cells: Sequence[Cell]) -> str:
    over = " and ".join(axis.name for axis in swept)
    done = sum(cell.value is not None for cell in cells)
    goal = "lowest" if spec.spec.metric.goal == "minimize" else "highest"
    return (
        f"Final {spec.spec.metric.name} over {over}: a trial finished in {done} of the "
        f"{len(cells)} cells tried ({goal} is best)"
    )


def _notes(
    cells: Sequence[Cell], others: Sequence[str], blank: bool, outside: int
) -> tuple[str, ...]:
    notes = []
    if others:
        notes.append(f"A cell shows the best final of its trials, over {', '.join(others)}.")
    if any(cell.value is None for cell in cells):
        notes.append(
            "Hatched: no trial of the cell has a final; it shows the last value and how much of "
            "the run was seen. Such a value is not on the colour scale."
        )
    if blank:
        notes.append("Blank: not tried.")
    if outside:
        notes.append(f"{outside} trials with rarer values are left out.")
    return tuple(notes)
