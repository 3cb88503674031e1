"""The rows beside a ranking: the base model, the fixed preset, the confirmation runs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from sweeps.baselines import refused_preset
from sweeps.configurations import Key, finite_final, key
from sweeps.contest import RATE
from sweeps.drops import Panel, panel, scores_of
from sweeps.journal import Story
from sweeps.lifecycle import TrialState
from sweeps.metric import cost, ranked_by, value_at
from sweeps.pruners.base import horizon_of
from sweeps.ranking import Ranked, eligible, why_ended
from sweeps.spec import SweepSpec
from sweeps.trial import Params, Role, TrialRecord
from sweeps.wire import Wire


class Beside(Wire):
    """A run that is no part of the search.

    `final` is what trials are ranked by (`sweeps.metric.ranked_by`) at its end, None without a
    finite one; `message` then says why. `difference` is `final` less the mean of the best
    configuration, in units of the metric. `of` is the search trial that a confirmation run repeats.
    `samples` were trained on, 0 by the base. `scores` are all metrics at its end by name, `drops`
    those of `Ranked`; the base has none.
    """

    trial: int
    role: Role
    params: Params
    seed: int
    state: str
    final: float | None
    stderr: float | None
    difference: float | None
    of: int | None
    samples: int
    seconds: float
    message: str
    scores: dict[str, float] = {}
    drops: dict[str, float] = {}


def beside(
    spec: SweepSpec, records: Sequence[TrialRecord], ranking: Sequence[Ranked]
) -> list[Beside]:
    """The trials of `records` that are not of the search, in the order asked."""
    owners = {key(row.params): row.trial for row in reversed(ranking)}
    best = next((row.mean for row in eligible(ranking)), None)
    against = panel(spec, records, unseen=True)
    return [
        _beside(spec, record, best, owners, against)
        for record in records
        if record.trial.role is not Role.SEARCH
    ]


def beside_notes(spec: SweepSpec, story: Story, rows: Sequence[Beside]) -> list[str]:
    """What the rows say that a reader of the ranking should know. `rows` is what `beside` made."""
    notes, metric = [], ranked_by(spec)
    for row in rows:
        gap = row.difference if row.role is Role.BASE else None
        if gap is not None and cost(gap, metric) <= 0:
            notes.append(
                f"The base model, untrained, has {metric.name} {row.final:.6g}, as good as the "
                "best trial or better: by this metric training did not help."
            )
        if row.role is not Role.CONFIRM and row.state == TrialState.FAILED:
            notes.append(f"The {row.role} row failed. {row.message}")
            if row.role is Role.BASE and spec.spec.metric.max_drop:
                notes.append(
                    "Without it nobody knows what trials lost, so none can win: `sweepctl retry` "
                    "runs it again."
                )
    prepared = story.prepared
    if prepared is not None and Role.PRESET in prepared.rows:
        refused = refused_preset(spec, horizon_of(spec, story))
        if refused:
            name = spec.spec.baselines.preset
            notes.append(f"There is no row of the preset {name}: {refused}.")
    return notes


def confirm_notes(spec: SweepSpec, ranking: Sequence[Ranked]) -> list[str]:
    """How far the confirmation bears out what the search found."""
    rows = [row for row in ranking if row.basis == "confirm"]
    if not rows:
        return []
    name, by = spec.spec.metric.name, ranked_by(spec).name
    means = "their means" if by == name else f"the means, of {by},"
    told = ", ".join(f"trial {row.trial} {row.final:.6g} -> {row.mean:.6g}" for row in rows)
    notes = [
        f"The finalists' own {name} chose them and flatters them; {means} are those of fresh "
        f"seeds alone ({told}). A winner differs from each other finalist at a rate of {RATE}."
    ]
    if any(row.runs > 1 for row in rows) and all(row.error is None for row in rows):
        notes.append(
            "All confirmation runs of a trial are equal: this recipe does not use the seed."
        )
    notes += [
        f"Trial {row.trial}: {row.broken} of its confirmation runs broke."
        for row in rows
        if row.broken
    ]
    return notes


def _beside(
    spec: SweepSpec,
    record: TrialRecord,
    best: float | None,
    owners: Mapping[Key, int],
    against: Panel,
) -> Beside:
    trial, last, by = record.trial, record.last_report, ranked_by(spec)
    value = finite_final(spec, record, by)
    scores = scores_of([record]) if record.state == TrialState.DONE else {}
    lost = against.drops(scores) if scores and trial.role is not Role.BASE else {}
    return Beside(
        trial=trial.number,
        role=trial.role,
        params=trial.params,
        seed=trial.seed,
        state=record.state,
        final=value,
        stderr=value_at(last, f"{by.name}_stderr") if last else None,
        difference=None if value is None or best is None else value - best,
        of=owners.get(key(trial.params)) if trial.role is Role.CONFIRM else None,
        samples=last.samples if last else 0,
        seconds=sum(attempt.seconds for attempt in record.attempts),
        message="" if value is not None else why_ended(spec, record),
        scores=scores,
        drops=lost,
    )
