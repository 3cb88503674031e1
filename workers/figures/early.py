"""What was seen early against what came out: is the pruner's evidence worth anything here?"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence

from sweeps.audit import Audit, measured
from sweeps.journal import Story
from sweeps.lifecycle import TrialState
from sweeps.metric import final, value_at
from sweeps.ranks import rank_agreement
from sweeps.spec import SweepSpec
from sweeps.trial import Report, Role, TrialRecord
from workers.figures.curves import wants_log
from workers.figures.looks import LOOKS
from workers.figures.shapes import Axis, Figure, Mark, Panel
from workers.figures.tellings import best_of, drawable, fate, name_of

NAME = "early"
# Where a sweep was never judged, the early point lies at this share of the run.
EARLY_SHARE = 0.25


def early(spec: SweepSpec, story: Story) -> Figure:
    """The figure; without panels before any trial has both values."""
    metric, points = spec.spec.metric, spec.spec.report.points
    records = [r for _, r in sorted(story.trials.items()) if r.trial.role is Role.SEARCH]
    signal, point = early_signal(spec, records)
    best = best_of(spec, story)
    pairs, rug = list[tuple[float, float, TrialRecord]](), list[tuple[float, TrialRecord]]()
    for record in records:
        seen = drawable(_seen(record, signal, point))
        end = drawable(final(record, metric, points)) if record.state == TrialState.DONE else None
        if seen is None:
            continue
        if end is not None:
            pairs.append((seen, end, record))
        else:
            rug.append((seen, record))
    left_out = len(records) - len(pairs) - len(rug)
    share = f"{point / points:.0%} of the run"
    if not pairs:
        note = f"No trial has both a finite {signal} at {share} and a finite final {metric.name}."
        return Figure(NAME, f"Early {signal} against the final {metric.name}", notes=(note,))
    panel = _panel(spec, signal, share, pairs, rug, best)
    notes = _notes(len(rug), left_out, measured(spec, story))
    return Figure(NAME, _title(spec, signal, share, pairs), (panel,), notes)


def early_signal(spec: SweepSpec, records: Sequence[TrialRecord]) -> tuple[str, int]:
    """The signal and the decision point at which most trials were first judged by it.

    Where nobody was judged: the metric, or the loss where the metric is not measured that early,
    at EARLY_SHARE of the run.
    """
    names = {"metric": spec.spec.metric.name}
    first = [
        next(
            (
                (names.get(v.evidence.signal, v.evidence.signal), point)
                for point, v in sorted(r.verdicts.items())
                if v.evidence.signal is not None and v.evidence.peers
            ),
            None,
        )
        for r in records
    ]
    judged = Counter(pair for pair in first if pair is not None)
    if judged:
        return min(judged, key=lambda pair: (-judged[pair], pair[1], pair[0]))
    point = max(1, round(EARLY_SHARE * spec.spec.report.points))
    name = spec.spec.metric.name
    return (name if any(_seen(r, name, point) is not None for r in records) else "loss"), point


def _seen(record: TrialRecord, signal: str, point: int) -> float | None:
    """The signal at the last report up to `point`: a large batch may skip points."""
    found: list[Report] = [r for k, r in sorted(record.reports.items()) if k <= point]
    values = [v for r in found if (v := value_at(r, signal)) is not None]
    return values[-1] if values else None


def _panel(
    spec: SweepSpec,
    signal: str,
    share: str,
    pairs: Sequence[tuple[float, float, TrialRecord]],
    rug: Sequence[tuple[float, TrialRecord]],
    best: int | None,
) -> Panel:
    name, order = spec.spec.metric.name, list(LOOKS)
    marks = [
        Mark(
            fate(record, best),
            seen,
            end,
            f"{name_of(record)}: {signal} {seen:.5g} early, final {name} {end:.5g}",
        )
        for seen, end, record in sorted(pairs, key=lambda p: order.index(fate(p[2], best)))
    ]
    log_y = wants_log(end for _, end, _ in pairs)
    floor = _below([end for _, end, _ in pairs], log_y)
    marks += [
        Mark("rug", seen, floor, f"{name_of(r)} ({r.state.lower()}): {signal} {seen:.5g}, no final")
        for seen, r in rug
    ]
    log_x = wants_log([*(seen for seen, _, _ in pairs), *(seen for seen, _ in rug)])
    title = {"loss": "loss [nats per token]", "grad_norm": "gradient norm [L2]"}.get(signal, signal)
    return Panel(
        Axis(f"{title} at {share}", log=log_x), Axis(f"final {name}", log=log_y), marks=tuple(marks)
    )


def _below(values: Sequence[float], log: bool) -> float:
    """Where the rug lies: a little under the least value."""
    low, high = min(values), max(values)
    if log:
        return math.exp(1.08 * math.log(low) - 0.08 * math.log(high))
    return low - 0.08 * ((high - low) or abs(low) or 1.0)


def _title(
    spec: SweepSpec,
    signal: str,
    share: str,
    pairs: Sequence[tuple[float, float, TrialRecord]],
) -> str:
    agreement = rank_agreement((seen, end) for seen, end, _ in pairs)
    many = f"over {len(pairs)} finished trial{'' if len(pairs) == 1 else 's'}"
    if agreement is None:
        said = f"too little to tell a rank agreement {many}"
    else:
        said = f"rank agreement {agreement:+.2f} {many}"
    return f"Early {signal} (at {share}) against the final {spec.spec.metric.name}: {said}"


def _notes(rug: int, left_out: int, audit: Audit) -> tuple[str, ...]:
    notes = [
        "Rank agreement is Spearman's: +1 when the order seen early is the order at the end, 0 "
        "when the early signal tells nothing, −1 when the order is turned round. Only finished "
        "trials count, and pruning chose which those are; audits are what it would not have chosen."
    ]
    if audit.rate is not None and audit.low is not None and audit.high is not None:
        notes.append(
            f"Audits: {audit.false_kills} of {audit.finished} would have been stopped wrongly "
            f"(95 % interval {audit.low:.0%} to {audit.high:.0%})."
        )
    if rug:
        notes.append(
            f"The ticks at the foot are {rug:,} trials without a final: an early value only."
        )
    if left_out:
        notes.append(f"{left_out:,} trials have no finite early value and are not shown.")
    return tuple(notes)
