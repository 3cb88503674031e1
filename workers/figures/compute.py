"""How much of each run was run: what pruning saved, what audits and lost attempts cost."""

from __future__ import annotations

from collections.abc import Sequence

from sweeps.costs import samples_of
from sweeps.errors import JournalError
from sweeps.journal import Story
from sweeps.phases import stages_in
from sweeps.pruners.base import horizon_of
from sweeps.result import compute_saved, samples_run
from sweeps.spec import SweepSpec
from sweeps.trial import Role, TrialRecord
from workers.figures.shapes import Axis, Bar, Figure, Panel, Rule
from workers.figures.tellings import audit_of, best_of, fate, name_of

NAME = "compute"
# Up to so many bars carry the number of their trial.
MOST_NUMBERS = 40


def compute(spec: SweepSpec, story: Story) -> Figure:
    """The figure: one bar a trial that ran, in percent of its whole run."""
    title = "Samples run by each trial"
    try:
        horizon = horizon_of(spec, story)
    except JournalError:
        return Figure(NAME, title, notes=("How long a whole run is, is not known yet.",))
    ran = [(samples_run(r), r) for _, r in sorted(story.trials.items())]
    ran = [(samples, r) for samples, r in ran if samples > 0]
    if not ran:
        return Figure(NAME, title, notes=("No trial has run yet.",))
    ran.sort(key=lambda pair: (pair[1].trial.role is not Role.SEARCH, _role(pair[1]), -pair[0]))
    best, stages = best_of(spec, story), stages_in(spec, story)
    bars = [
        bar
        for place, (samples, record) in enumerate(ran)
        for whole in [samples_of(record.trial.params, horizon, stages)]
        for bar in _bars(place, samples, record, whole, best)
    ]
    ticks = tuple((float(i), _tick(r)) for i, (_, r) in enumerate(ran))
    panel = Panel(
        Axis(
            "trial, by samples run" if len(ran) > MOST_NUMBERS else "trial",
            ticks=ticks if len(ran) <= MOST_NUMBERS else (),
        ),
        Axis("samples run [% of a whole run]"),
        bars=tuple(bars),
        rules=(Rule(100.0, f"a whole run: {horizon:,} samples"),),
    )
    search = [r for _, r in ran if r.trial.role is Role.SEARCH]
    return Figure(NAME, _title(spec, story, search), (panel,), _notes(ran, horizon))


def audit_cost(record: TrialRecord) -> int:
    """Samples that a condemned trial ran because it was audited."""
    audit = audit_of(record)
    return 0 if audit is None else max(0, _furthest(record) - audit.samples)


def _furthest(record: TrialRecord) -> int:
    last = record.last_report
    return max([a.samples for a in record.attempts] + [last.samples if last else 0])


def _role(record: TrialRecord) -> int:
    return list(Role).index(record.trial.role)


def _tick(record: TrialRecord) -> str:
    role = record.trial.role
    return str(record.trial.number) if role is Role.SEARCH else f"{role} {record.trial.number}"


def _bars(place: int, samples: int, record: TrialRecord, whole: int, best: int | None) -> list[Bar]:
    """One bar a trial, of up to three parts: to the audit's beginning, to the end, run again."""
    furthest = min(samples, _furthest(record))
    audited = min(furthest, audit_cost(record))
    look = fate(record, best)
    words = f"{name_of(record)}: {samples:,} samples run"
    parts = [
        ("stopped" if audited else look, furthest - audited, words),
        (look, audited, f"{words}, {audited:,} of them for the audit"),
        ("again", samples - furthest, f"{words}, {samples - furthest:,} of them a second time"),
    ]
    bars, start = list[Bar](), 0.0
    for part, size, said in parts:
        if size > 0:
            bars.append(Bar(part, float(place), start, 100 * size / whole, said))
            start += 100 * size / whole
    return bars


def _title(spec: SweepSpec, story: Story, search: Sequence[TrialRecord]) -> str:
    every = [r for _, r in sorted(story.trials.items()) if r.trial.role is Role.SEARCH]
    saved = compute_saved(spec, story, every)
    many = f"{len(search):,} trial{'' if len(search) == 1 else 's'}"
    if saved is None:
        return f"{many} of the search ran so far; none has ended"
    horizon = horizon_of(spec, story)
    stages = stages_in(spec, story)
    whole = sum(samples_of(r.trial.params, horizon, stages) for r in search)
    cost = sum(audit_cost(record) for record in search) / whole if whole else 0.0
    audits = f", audits cost {cost:.1%}" if cost else ""
    worth = f"{saved:.0%} of the compute was saved" if saved >= 0 else f"{-saved:.0%} more was run"
    return f"{many} of the search: {worth} against running all of them to their ends{audits}"


def _notes(ran: Sequence[tuple[int, TrialRecord]], horizon: int) -> tuple[str, ...]:
    notes = [
        "Saved = 1 − samples run / samples of whole runs, over the search trials that have ended; "
        "audits and what was run twice count as run."
    ]
    others = [(samples, r) for samples, r in ran if r.trial.role is not Role.SEARCH]
    if others:
        total = sum(samples for samples, _ in others)
        roles = ", ".join(sorted({r.trial.role.value for _, r in others}))
        notes.append(
            f"Not in that share: {len(others)} {roles} run{'s' if len(others) > 1 else ''} of "
            f"{total:,} samples ({total / horizon:.1f} whole runs)."
        )
    if any(audit_of(r) is not None for _, r in ran):
        notes.append(
            "A trial under audit is grey up to where it would have been stopped, and coloured from "
            "there on: that part is the audit's cost."
        )
    return tuple(notes)
