"""The result of a sweep: a pure function of its spec and its story, at any time."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from sweeps.advice import recommendation, recommended, winner
from sweeps.beside import Beside, beside, beside_notes, confirm_notes
from sweeps.confirming import confirmed
from sweeps.contest import RATE
from sweeps.costs import samples_of
from sweeps.drops import panel
from sweeps.journal import Story
from sweeps.lifecycle import TRIAL_ENDS, AttemptEnd, TrialState
from sweeps.metric import ranked_by
from sweeps.phases import stages_in
from sweeps.pruners.base import horizon_of
from sweeps.pruning_report import PruningReport, pruning_report
from sweeps.ranking import (
    Ranked,
    Standing,
    Stopped,
    Unranked,
    eligible,
    rank,
    standings,
    stopped,
    unranked,
)
from sweeps.remarks import remarks
from sweeps.spec import Metric, SweepSpec
from sweeps.trial import Role, TrialRecord
from sweeps.wire import Wire

_SAVED = (AttemptEnd.PAUSED, AttemptEnd.PREEMPTED)


class Result(Wire):
    """What came out of a sweep so far: of its search trials, but for what stands `beside`.

    `counts` are trials by state, every state named. `ranking` holds the configurations that
    finished, best first by `ranked_by`, those that break `max_drop` last; equal ranks cannot be
    told apart. `best` is the first of them that keeps to it; when it is None, `no_best_because`
    says why. `winner` is the trial whose configuration is better than each
    it was repeated with, at an error `rate` over the whole comparison; None: nobody is.
    `recommended` is the cheapest of those as good as the best. `beside` are base model, preset and
    confirmation runs, `samples_beside` what each of these roles trained on. `best_so_far` lists
    trials that did not finish (yet): another measure, never mixed into the ranking.
    `compute_saved`: see `compute_saved`. `recommendation` and `notes` are sentences for a person.
    `pruning` is what pruning did and what its audits measured, None without pruning.
    """

    metric: Metric
    counts: dict[str, int]
    best: Ranked | None
    no_best_because: str | None
    ranking: list[Ranked]
    unranked: list[Unranked]
    best_so_far: list[Standing]
    stopped: list[Stopped]
    samples_run: int
    compute_saved: float | None
    recommendation: str
    notes: list[str]
    pruning: PruningReport | None = None
    winner: int | None = None
    recommended: int | None = None
    rate: float = RATE
    beside: list[Beside] = []
    samples_beside: dict[str, int] = {}
    ranked_by: str | None = None


def make_result(spec: SweepSpec, story: Story) -> Result:
    """The result as the journal stands."""
    records = [record for _, record in sorted(story.trials.items())]
    search = [record for record in records if record.trial.role is Role.SEARCH]
    ranking, ended = rank(spec, records), stopped(search)
    fit = eligible(ranking)
    rows = beside(spec, records, ranking)
    # Whoever looks at every run that lands would sooner or later see somebody ahead.
    settled = confirmed(spec, story) if spec.spec.confirm else not _open(search)
    first, taken = winner(fit) if settled else None, recommended(fit)
    states = Counter(record.state for record in search)
    left_out = unranked(spec, search)
    waiting = standings(spec.spec.metric, search)
    why = None if fit else _no_best(spec, records, ranking)
    saved = compute_saved(spec, story, search)
    return Result(
        metric=spec.spec.metric,
        counts={state.value: states[state] for state in TrialState},
        best=fit[0] if fit else None,
        no_best_because=why,
        ranking=ranking,
        unranked=left_out,
        best_so_far=waiting,
        stopped=ended,
        samples_run=sum(samples_run(record) for record in search),
        compute_saved=saved,
        recommendation=recommendation(spec, fit, why, settled=settled),
        notes=[
            *confirm_notes(spec, ranking),
            *beside_notes(spec, story, rows),
            *remarks(spec, ranking, left_out, waiting, ended),
        ],
        pruning=pruning_report(spec, story, saved, fit[0].trial if fit else None),
        winner=first.trial if first else None,
        recommended=taken.trial if taken else None,
        beside=rows,
        samples_beside=_samples_beside(records),
        ranked_by=ranked_by(spec).name,
    )


def _open(records: Sequence[TrialRecord]) -> bool:
    return any(record.state not in TRIAL_ENDS for record in records)


def _samples_beside(records: Sequence[TrialRecord]) -> dict[str, int]:
    """By role, in the order asked; a search without such rows has none."""
    found = dict[str, int]()
    for record in records:
        role = record.trial.role
        if role is not Role.SEARCH:
            found[role.value] = found.get(role.value, 0) + samples_run(record)
    return found


def samples_run(record: TrialRecord) -> int:
    """Training samples that all attempts of a trial ran.

    What it took over from another trial is not among them. Where an attempt was lost, or had
    nothing to save, the next one is counted from the last save that the journal knows; checkpoints
    between may have spared some of that, so this is the most it can have been.
    """
    total = start = 0
    last = record.last_report
    for attempt in record.attempts:
        here = attempt.samples if attempt.ended else (last.samples if last else 0)
        total += max(0, here - max(start, attempt.inherited))
        if attempt.ended in _SAVED and attempt.kept:
            # One that was told to leave before its first step says nothing of what was there.
            start = max(start, here)
    return total


def compute_saved(spec: SweepSpec, story: Story, records: Sequence[TrialRecord]) -> float | None:
    """1 - samples run (lost attempts included) / samples of whole runs, over ended trials.

    A whole run is the horizon, rounded up to whole steps, so that running everything to its end
    saves exactly 0. Negative when lost attempts cost more than was saved. None before a trial
    ended, and while epochs of data that nobody counted are the horizon.
    """
    ended = [record for record in records if record.state in TRIAL_ENDS]
    if not ended or (story.prepared is None and spec.spec.horizon.samples is None):
        return None
    horizon, stages = horizon_of(spec, story), stages_in(spec, story)
    whole = sum(samples_of(record.trial.params, horizon, stages) for record in ended)
    return 1 - sum(samples_run(record) for record in ended) / whole


def _no_best(spec: SweepSpec, everyone: Sequence[TrialRecord], ranking: Sequence[Ranked]) -> str:
    records = [record for record in everyone if record.trial.role is Role.SEARCH]
    if ranking and panel(spec, everyone).base is None:
        return "What trials lost against the base model is not known: it has not been evaluated."
    if ranking:
        names = ", ".join(dict.fromkeys(name for row in ranking for name in row.over))
        return f"Every trial that finished breaks max_drop ({names})."
    if not records:
        return "No trial has been asked yet."
    if any(record.state == TrialState.DONE for record in records):
        names = " and ".join(dict.fromkeys([spec.spec.metric.name, ranked_by(spec).name]))
        return f"No finished trial reported a finite {names} at its last decision point."
    if all(record.state in TRIAL_ENDS for record in records):
        return f"None of the {len(records)} trials finished: all were stopped or failed."
    return "No trial has finished yet."
