"""Shared beginnings: phased trials that agree in their first phases train those once.

The first of them to run pays. At the end of each phase that others begin with, too, it leaves a
checkpoint in a folder of the sweep, named by what the phases up to there depend on; the others go
on from it under their own names. All of this is read from the story: a trial that has reported
past the end of a phase has left that checkpoint before it spoke.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from sweeps.cells import finite_cells
from sweeps.journal import Story
from sweeps.lifecycle import AttemptEnd, StopReason, TrialState
from sweeps.phases import phases_of, stages_in, strategy_of
from sweeps.points import PHASED, RunPlan, Stage, run_plan
from sweeps.searchers.configs import Cmaes, Gp, Tpe
from sweeps.spec import SweepSpec
from sweeps.trial import Params, Role, Trial, TrialRecord

_OF_PHASE = re.compile(r"phase(\d+)_")
# A search that does not learn from results loses nothing by asking ahead; this bounds the journal.
AHEAD = 256

Key = str


@dataclass(frozen=True)
class Prefix:
    """The first phases of a trial, up to and with `phase`: `steps` steps, `samples` samples. Equal
    keys within one sweep: the same weights, bit by bit."""

    phase: int
    steps: int
    samples: int
    key: Key


def prefixes(spec: SweepSpec, stages: Sequence[Stage], trial: Trial) -> list[Prefix]:
    """The beginnings that `trial` may share with others, the shortest first; none for a stacked
    trial, for one beside the search (its seed is its own), and where no parameter is of a later
    phase alone: then no two trials begin alike."""
    wanted = _shareable(spec) if stages and trial.role is Role.SEARCH else []
    if not wanted or strategy_of(spec.spec.workload, trial.params) != PHASED:
        return []
    run = run_plan(trial.params, sum(stage.samples for stage in stages), 1, stages)
    return _of_run(run, wanted, trial.params, trial.seed)


def _of_run(run: RunPlan, wanted: Sequence[int], params: Params, seed: int) -> list[Prefix]:
    return [
        Prefix(phase.number, phase.last_step, phase.end, _key(params, seed, phase.number))
        for phase in run.phases
        if phase.number in wanted
    ]


def _key(params: Params, seed: int, phase: int) -> Key:
    """All that the phases up to `phase` depend on and that may differ within a sweep."""
    read = {name: value for name, value in params.items() if _phase_of(name) <= phase}
    # repr: 1, 1.0 and true are three values.
    told = [seed, phase, sorted((name, repr(value)) for name, value in read.items())]
    return f"phase{phase}-{hashlib.sha256(json.dumps(told).encode()).hexdigest()[:32]}"


def _phase_of(name: str) -> int:
    """The phase that a parameter is of; 0: of all."""
    found = _OF_PHASE.match(name)
    return int(found.group(1)) if found else 0


def _shareable(spec: SweepSpec) -> list[int]:
    """The phases after which trials of the sweep may part: some parameter is of a later one."""
    last = max(map(_phase_of, spec.spec.parameters.names), default=0)
    return list(range(1, min(last, len(phases_of(spec.spec.workload)))))


def shared_checkpoints(spec: SweepSpec, cells: Sequence[Params], trials: int) -> int:
    """How many shared beginnings `trials` trials may leave, at most: those of `cells`, or, where
    these are not known, as many as there are trials and ends of phases."""
    wanted = _shareable(spec)
    if not cells:
        return trials * len(wanted)
    phased = [cell for cell in cells if strategy_of(spec.spec.workload, cell) == PHASED]
    seeds = [int(cell.get("seed", spec.spec.seed)) for cell in phased]
    told = zip(phased, seeds, strict=True)
    keys = {_key(cell, seed, phase) for cell, seed in told for phase in wanted}
    return min(len(keys), trials * len(wanted))


def shared_samples(
    spec: SweepSpec, cells: Sequence[Params], horizon: int, stages: Sequence[Stage]
) -> int:
    """Samples of whole runs of `cells` that need not be run, because others have run them."""
    seen, spared = Counter[Key](), 0
    for cell in cells:
        trial = Trial(0, cell, seed=int(cell.get("seed", spec.spec.seed)))
        before = 0
        for prefix in prefixes(spec, stages, trial):
            spared += (prefix.samples - before) if seen[prefix.key] else 0
            seen[prefix.key] += 1
            before = prefix.samples
    return spared


class Held:
    """The trials that have not begun and had better wait, by number: another one is on its way
    through phases that they could take over.

    One that a verdict parked or stopped within these phases has shown that they are no way to
    wait for: its like would be judged there too, one after the other. So nobody waits for them any
    more, and a checkpoint that is left after all is used by those that come to begin later.
    """

    def __init__(self, spec: SweepSpec, story: Story) -> None:
        self.numbers = set[int]()
        self._spec, self._stages = spec, stages_in(spec, story)
        self._past, self._awaited = set[Key](), set[Key]()
        if not self._stages or not _shareable(spec):
            return
        judged, waiting = set[Key](), list[Trial]()
        for record in story.trials.values():
            if record.state == TrialState.PENDING and not record.attempts:
                waiting.append(record.trial)
                continue
            for prefix in prefixes(spec, self._stages, record.trial):
                self._past |= {prefix.key} if _past(record, prefix) else set()
                self._awaited |= {prefix.key} if _under_way(record) else set()
                judged |= {prefix.key} if _judged_within(record, prefix) else set()
        self._awaited -= judged
        for trial in waiting:
            self.add(trial)

    def add(self, trial: Trial) -> bool:
        """Count in a trial that has not begun. True when it had better wait."""
        own = (prefix.key for prefix in reversed(prefixes(self._spec, self._stages, trial)))
        # Of two beginnings the longer one counts; one that is there need not be waited for.
        longest = next((key for key in own if key in self._past or key in self._awaited), None)
        if longest is None or longest in self._past:
            return False
        self.numbers.add(trial.number)
        return True


def ahead(spec: SweepSpec, slots: int) -> int:
    """How many trials may be held at most. A search that learns asks no more than there are slots:
    what it asks before the results are in, it asks without them."""
    return slots if isinstance(spec.spec.method, (Tpe, Gp, Cmaes)) else max(slots, AHEAD)


def needed(spec: SweepSpec, story: Story) -> set[Key]:
    """The shared checkpoints that some trial may still go on from. While the search can ask
    anything, which is when its space is not a finite one, these are all of them."""
    stages = stages_in(spec, story)
    found = set[Key]()
    parked = [r for r in story.trials.values() if r.state == TrialState.PAUSED]
    for record in parked:
        own = prefixes(spec, stages, record.trial)
        found |= {prefix.key for prefix in own if not _past(record, prefix)}
    waiting = [record.trial for record in story.trials.values() if _may_begin(record)]
    asked = {_cell(record.trial.params) for record in story.trials.values()}
    for cell in finite_cells(spec) or []:
        if _cell(cell) not in asked:
            waiting.append(Trial(0, cell, seed=int(cell.get("seed", spec.spec.seed))))
    for trial in waiting:
        found |= {prefix.key for prefix in prefixes(spec, stages, trial)}
    if finite_cells(spec) is None:
        for record in story.trials.values():
            found |= {prefix.key for prefix in prefixes(spec, stages, record.trial)}
    return found


def _may_begin(record: TrialRecord) -> bool:
    """A trial that runs may be lost before its first own checkpoint, and go on from the shared
    one; so may a failed one that a user retries, as long as the sweep goes on."""
    return record.state in (TrialState.PENDING, TrialState.RUNNING, TrialState.FAILED)


def _cell(params: Params) -> str:
    return repr(sorted(params.items()))


def _past(other: TrialRecord, prefix: Prefix) -> bool:
    return any(
        report.samples >= prefix.samples and report.guard is None
        for report in other.reports.values()
    )


def _judged_within(other: TrialRecord, prefix: Prefix) -> bool:
    """A verdict parked or stopped it before the prefix was over; its attempts remember that when
    it was brought back since."""
    stopped = other.state == TrialState.STOPPED and other.reason == StopReason.PRUNED
    parted = [a for a in other.attempts if a.ended == AttemptEnd.PAUSED]
    parted += [a for a in other.attempts if stopped and a.ended == AttemptEnd.STOPPED]
    return any(attempt.samples < prefix.samples for attempt in parted)


def _under_way(other: TrialRecord) -> bool:
    """It runs, or is the next to run: it was begun and waits for its next attempt."""
    begun = other.state == TrialState.PENDING and bool(other.attempts)
    return begun or other.state == TrialState.RUNNING
