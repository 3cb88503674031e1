"""What was lost, what is there twice, and what is not as it should be: every finding a line."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TypeVar

from mlflow.entities import Run

from sweeps.journal import Entry, Story, fold
from sweeps.lifecycle import TRIAL_ENDS, SweepState, TrialState
from sweeps.phases import stages_in
from sweeps.points import run_plan
from sweeps.simulator.refold import refold
from tests.chaos.outcome import Numbers, Outcome

K, V = TypeVar("K"), TypeVar("V")
PER_STEP = ("grad_norm", "learning_rate", "loss", "num_tokens")
SHOWN_AS = {"DONE": "FINISHED", "STOPPED": "KILLED", "FAILED": "FAILED"}


@dataclass
class Tally:
    """Findings of three kinds."""

    lost: list[str] = field(default_factory=list)
    duplicated: list[str] = field(default_factory=list)
    differing: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        counts = (len(self.lost), len(self.duplicated), len(self.differing))
        return "lost={} duplicated={} differing={}".format(*counts)

    @property
    def clean(self) -> bool:
        """Whether nothing was found."""
        return not (self.lost or self.duplicated or self.differing)

    def lines(self) -> list[str]:
        """All findings."""
        named = {"lost": self.lost, "duplicated": self.duplicated, "differing": self.differing}
        return [f"{kind}: {line}" for kind, lines in named.items() for line in lines]


def compare(quiet: Numbers, found: Numbers, tally: Tally) -> None:
    """The same sweep with and without faults: equal to the last bit."""
    _same(quiet.finals, found.finals, "the final of trial", tally)
    _same(quiet.reports, found.reports, "report (trial, point)", tally)
    _same(quiet.points, found.points, "MLflow's (trial, key, step)", tally)
    _same(quiet.shared, found.shared, "the content of the shared checkpoint", tally)


def audit(found: Outcome, tally: Tally) -> None:
    """What holds of every sweep that is over, whatever order its trials came in."""
    name = found.detail.id[:8]
    if found.detail.state != SweepState.DONE:
        tally.lost.append(f"{name} is {found.detail.state}: {found.detail.message}")
    _journal(found, tally)
    _rows(found, tally)
    for one in refold(found.spec, found.entries):
        tally.differing.append(f"{name} entry {one.seq}: {one.stored} is now {one.again}")
    _mlflow(found, tally)


def paid_once(found: Outcome, tally: Tally) -> None:
    """Of the trials that share a first phase one trained it, and the others found what it left."""
    payers = [
        number
        for number, record in found.story.trials.items()
        if not any(report.inherited for report in record.reports.values())
    ]
    if len(payers) != 1:
        tally.duplicated.append(f"the shared phase was trained by the trials {payers}")
    if not found.shared:
        tally.lost.append("the shared checkpoint: it was never seen")


def promised(before: list[Entry], found: Outcome, tally: Tally) -> None:
    """What the service once answered a reader is still there, at its place."""
    after = {entry.seq: entry.model_dump_json() for entry in found.entries}
    for entry in before:
        if entry.seq not in after:
            tally.lost.append(f"entry {entry.seq} of {found.detail.id[:8]} was there once")
        elif after[entry.seq] != entry.model_dump_json():
            tally.differing.append(f"entry {entry.seq} of {found.detail.id[:8]} was another")


def _journal(found: Outcome, tally: Tally) -> None:
    seqs = [entry.seq for entry in found.entries]
    tally.lost += [f"entry {k}" for k in set(range(1, max(seqs, default=0) + 1)) - set(seqs)]
    tally.duplicated += [f"entry {k}, {n} times" for k, n in Counter(seqs).items() if n > 1]
    ends = Counter(_ends(found.entries))
    for number, record in found.story.trials.items():
        if record.state not in TRIAL_ENDS or record.state == TrialState.FAILED:
            tally.lost.append(f"trial {number} is {record.state}: {record.reason}")
        if ends[number] > 1:
            tally.duplicated.append(f"trial {number} ended {ends[number]} times")
    keys = Counter(
        (entry.body.trial, entry.body.report.point)
        for entry in found.entries
        if entry.body.type == "report"
    )
    tally.duplicated += [f"report {key}, {n} times" for key, n in keys.items() if n > 1]


def _ends(entries: Iterable[Entry]) -> Iterable[int]:
    """The trial of each entry that ended one."""
    story = Story()
    for entry in entries:
        before = {n: record.state for n, record in story.trials.items()}
        fold([entry], story)
        for number, record in story.trials.items():
            if record.state in TRIAL_ENDS and before.get(number) != record.state:
                yield number


def _rows(found: Outcome, tally: Tally) -> None:
    """The service's tables say what its journal says."""
    records = found.story.trials
    told = {n: (str(r.state), r.trial.params, len(r.attempts)) for n, r in records.items()}
    rows = {n: (str(t.state), t.params, t.attempts) for n, t in found.trials.items()}
    _same(told, rows, "the row of trial", tally)
    reports = {
        (number, point): (report.model_dump_json(), record.verdicts[point].model_dump_json())
        for number, record in records.items()
        for point, report in record.reports.items()
    }
    stored = {
        key: (lines[-1].report.model_dump_json(), lines[-1].verdict.model_dump_json())
        for key, lines in found.reports.items()
    }
    _same(reports, stored, "the row of report", tally)
    many = {key: len(lines) for key, lines in found.reports.items() if len(lines) > 1}
    tally.duplicated += [f"the row of report {key}, {n} times" for key, n in many.items()]


def _mlflow(found: Outcome, tally: Tally) -> None:
    if [run.info.status for run in found.parents] != ["FINISHED"]:
        tally.differing.append(f"parent runs: {[run.info.status for run in found.parents]}")
    for number in found.story.trials:
        runs = found.runs.get(number, [])
        if not runs:
            tally.lost.append(f"the run of trial {number}")
        elif len(runs) > 1:
            tally.duplicated.append(f"trial {number} has {len(runs)} runs")
        else:
            _run(found, number, runs[0], tally)
    for place, values in found.points.items():
        if values.total() > 1:
            tally.duplicated.append(f"MLflow's {place}: {dict(values)}")


def _run(found: Outcome, number: int, run: Run, tally: Tally) -> None:
    """One run against its journal: status, explanation, and every step up to its last report."""
    record = found.story.trials[number]
    told = SHOWN_AS.get(str(record.state))
    if run.info.status != told:
        tally.differing.append(f"trial {number} is {record.state} and its run {run.info.status}")
    last = record.last_report
    if record.state == TrialState.STOPPED and last is not None:
        verdict = record.verdicts[last.point]
        shown = (run.data.tags.get("sweep.prune.reason"), run.data.tags.get("sweep.prune.message"))
        if shown != (verdict.reason, verdict.message):
            tally.differing.append(f"trial {number} was stopped by {verdict} and shows {shown}")
    trained = _steps(found, number)
    for key in PER_STEP:
        steps = {step for trial, name, step in found.points if (trial, name) == (number, key)}
        until = max([last.samples if last else 0, *steps])
        for step in sorted({step for step in trained if step <= until} - steps):
            tally.lost.append(f"MLflow's ({number}, {key}, {step})")
    for report in record.reports.values():
        for key, value in report.metrics.items():
            stored = found.points.get((number, key, report.samples), Counter())
            if value.hex() not in stored:
                tally.differing.append(f"({number}, {key}) is {value}, in MLflow {dict(stored)}")


def _steps(found: Outcome, number: int) -> list[int]:
    """samples_seen after every step that a trial has to train itself."""
    story, record = found.story, found.story.trials[number]
    assert story.prepared is not None
    horizon, points = story.prepared.horizon_samples, found.spec.spec.report.points
    plan = run_plan(record.trial.params, horizon, points, stages_in(found.spec, story))
    taken = max((report.inherited or 0 for report in record.reports.values()), default=0)
    steps = [plan.samples_after(step + 1) for step in range(plan.steps)]
    return [samples for samples in steps if samples > taken]


def _same(there: Mapping[K, V], found: Mapping[K, V], what: str, tally: Tally) -> None:
    tally.lost += [f"{what} {key}" for key in there if key not in found]
    tally.differing += [f"{what} {key} should not be" for key in found if key not in there]
    for key in there.keys() & found.keys():
        if there[key] != found[key]:
            tally.differing.append(f"{what} {key} is {found[key]} instead of {there[key]}")
