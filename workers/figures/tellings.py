"""What the figures say of one trial: how it fared, and in words what it is."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

from sweeps.audit import is_audit
from sweeps.journal import Story
from sweeps.lifecycle import AttemptEnd, TrialState
from sweeps.ranking import Ranked
from sweeps.remarks import told
from sweeps.result import make_result
from sweeps.spec import SweepSpec
from sweeps.trial import Action, Report, Role, TrialRecord, Verdict

WORDS_LENGTH = 200
# Beyond this the arithmetic of axes overflows. float32 ends at 3.4e38.
LARGEST = 1e100
_BROKEN = ("dead", "diverged")


@dataclass(frozen=True)
class Happening:
    """What befell a trial at one report: `look` is a mark's of `looks.LOOKS`."""

    look: str
    report: Report
    words: str


def first_of(spec: SweepSpec, story: Story) -> Ranked | None:
    """What ranks first, None before anything does."""
    return make_result(spec, story).best


def best_of(spec: SweepSpec, story: Story) -> int | None:
    """The number of the best trial, None before there is one."""
    best = first_of(spec, story)
    return None if best is None else best.trial


def ranked_by(best: Ranked) -> str:
    """What puts it first when that is not its own final: empty for a single run."""
    if best.runs < 2 and best.basis == "single":
        return ""
    kind = "confirmation run" if best.basis == "confirm" else "run"
    many = f"{best.runs} {kind}{'' if best.runs == 1 else 's'}"
    return f", by the mean {best.mean:.4g} of {many}"


def fate(record: TrialRecord, best: int | None) -> str:
    """The look of a trial in every figure."""
    if record.trial.number == best:
        return "best"
    if record.trial.role is not Role.SEARCH:
        return record.trial.role.value
    if is_audit(record):
        return "audited"
    states = {
        TrialState.DONE: "finished",
        TrialState.STOPPED: "stopped",
        TrialState.FAILED: "failed",
    }
    return states.get(TrialState(record.state), "going")


def audit_of(record: TrialRecord) -> Report | None:
    """The report at which a condemned trial was let run on; None: it was never condemned."""
    points = [point for point, verdict in record.verdicts.items() if verdict.audit]
    return record.reports.get(min(points)) if points else None


def name_of(record: TrialRecord) -> str:
    """`trial 3 (learning_rate: 0.1)`, its role in place of "trial" where it has another."""
    role = record.trial.role
    kind = "trial" if role is Role.SEARCH else role.value
    return shortened(f"{kind} {record.trial.number} ({told(record.trial.params)})")


def drawable(value: float | None) -> float | None:
    """The value when it can lie on an axis, else None."""
    fits = value is not None and math.isfinite(value) and abs(value) <= LARGEST
    return value if fits else None


def shortened(text: str) -> str:
    """At most WORDS_LENGTH characters in one line."""
    text = " ".join(text.split())
    return text if len(text) <= WORDS_LENGTH else text[: WORDS_LENGTH - 1] + "…"


def happenings(record: TrialRecord) -> Iterator[Happening]:
    """What verdicts, users and failures did to a trial, in order."""
    audit, last = audit_of(record), record.last_report
    stopped = False
    for point, verdict in sorted(record.verdicts.items()):
        report = record.reports.get(point)
        if report is None:
            continue
        look = _look(record, report, verdict, audit)
        if look is not None:
            stopped |= verdict.action is Action.STOP
            yield Happening(look, report, shortened(verdict.message))
    if last is not None and record.state == TrialState.FAILED:
        yield Happening("broken", last, shortened(f"Failed: {record.reason}"))
    elif last is not None and record.state == TrialState.STOPPED and not stopped:
        yield Happening("stop", last, f"Stopped: {record.reason}.")


def _look(
    record: TrialRecord, report: Report, verdict: Verdict, audit: Report | None
) -> str | None:
    if verdict.action is Action.STOP:
        guarded = report.guard is not None or verdict.reason in _BROKEN
        return "broken" if guarded else "stop"
    if verdict.action is Action.PAUSE:
        return "pause"
    if audit is not None and report.point == audit.point:
        return "audit"
    if _parked_at(record, report):
        return "revive"
    return "verdict" if verdict.evidence.signal is not None and not verdict.audit else None


def _parked_at(record: TrialRecord, report: Report) -> bool:
    """A pruner parked it at this report. The verdict that brought it back has since taken the
    place of the one that parked it."""
    ends = record.attempts
    return any(a.ended == AttemptEnd.PAUSED and a.samples == report.samples for a in ends)
