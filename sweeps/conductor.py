"""The conductor: what happens next in a sweep. Pure: it reads the story and appends entries.

The Ray adapter (and a simulator) asks it three things: which attempt to start, what a report is
answered, and whether a running trial shall go on. Everything it decides goes through `append`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from sweeps.agenda import Agenda, Part, Revive
from sweeps.attempt_ends import FINISHED, Ending, gives_up, left_open, saved, stopped
from sweeps.journal import (
    AttemptEnded,
    AttemptStarted,
    Body,
    CommandApplied,
    CommandKind,
    Reported,
    Story,
)
from sweeps.lifecycle import TRIAL_ENDS, AttemptEnd, TrialState
from sweeps.searchers.base import Searcher
from sweeps.spec import SweepSpec
from sweeps.trial import Action, Report, Trial, TrialRecord, Verdict

Judge = Callable[[Story, int, Report], Verdict]


class Mode(StrEnum):
    """RUN until the end; LEAVE: save what runs and go (SIGTERM, pause of the sweep)."""

    RUN = "run"
    LEAVE = "leave"


@dataclass(frozen=True)
class Launch:
    """An attempt to start now."""

    trial: Trial
    attempt: int


@dataclass(frozen=True)
class Command:
    """A user's command from the inbox, to be applied once."""

    id: str
    kind: CommandKind
    trial: int | None = None
    trials: int | None = None


class Conductor:
    """Drives one sweep. `append` journals a body and applies it to `story` before it returns.

    `slots` is how many attempts may run at once; it may change at any time.
    """

    def __init__(
        self,
        spec: SweepSpec,
        story: Story,
        searcher: Searcher,
        judge: Judge,
        append: Callable[[Body], None],
        revive: Revive = lambda story, last, more: None,
        part: Part = lambda story: {},
    ) -> None:
        self.spec, self.story, self.slots, self.mode = spec, story, 1, Mode.RUN
        self._judge, self._append = judge, append
        self._agenda = Agenda(spec, story, searcher, append, revive, part)
        self._points = spec.spec.report.points

    def recover(self) -> None:
        """End the attempts that a lost driver left open. Verdicts already given stay given.

        One that was told to pause is taken to have saved, if its recipe can: whether it came to
        that, the journal does not know.
        """
        if self.story.paused:
            # Only a sweep that was resumed is claimed again.
            self.command(Command(f"resumed-at-{self.story.seq}", "resume"))
        for record in self._running():
            number, attempt = record.trial.number, record.attempts[-1].number
            ending = left_open(self.story, record, self._points)
            kept = record.last_report is None or record.last_report.saves
            self._ended(number, attempt, ending, _samples(record), 0.0, kept)

    def next(self) -> Launch | None:
        """The attempt to start now, journalled as started; None when there is nothing to start."""
        if self._closing() or self.running() >= self.slots:
            return None
        waiting = self._agenda.take(self.slots)
        if waiting is None:
            return None
        launch = Launch(waiting.trial, len(waiting.attempts) + 1)
        self._append(AttemptStarted(trial=launch.trial.number, attempt=launch.attempt))
        return launch

    def running(self) -> int:
        """How many attempts are out."""
        return len(self._running())

    def done(self) -> bool:
        """True when nothing runs and nothing more will: the sweep ended, or this driver leaves."""
        return not self.running() and (self._closing() or self._agenda.empty())

    def close(self) -> None:
        """At the very end: parked trials that nothing revived are stopped."""
        if self.story.cancelled or not self._closing():
            self._agenda.part()

    def complete(self) -> bool:
        """True when every trial has ended and no more will be asked."""
        ended = all(record.state in TRIAL_ENDS for record in self.story.trials.values())
        return ended and (self.story.cancelled or self._agenda.asked_out())

    def reported(self, number: int, attempt: int, report: Report) -> Verdict:
        """Journal a report with its verdict. A repeated point is answered with what was stored.

        Not so a guard that trips where an earlier attempt went on, as it may on a GPU, where a
        resumed attempt need not be bit-identical: it is taken under the first point that is free.
        """
        record = self.story.trials[number]
        if report.point in record.reports:
            stored, free = record.verdicts[report.point], max(record.reports) + 1
            news = report.guard is not None and stored.action is not Action.STOP
            if not news or free > self._points:
                return stored
            report = report.model_copy(update={"point": free})
        verdict = self._judge(self.story, number, report)
        self._append(Reported(trial=number, attempt=attempt, report=report, verdict=verdict))
        return verdict

    def wish(self, number: int) -> Action:
        """Whether a running trial shall go on, apart from any verdict on it."""
        if self.story.cancelled or number in self.story.stop_requested:
            return Action.STOP
        if self.mode is Mode.LEAVE or self.story.paused:
            return Action.PAUSE
        running = sorted(record.trial.number for record in self._running())
        return Action.PAUSE if number in running[max(self.slots, 0) :] else Action.CONTINUE

    def command(self, command: Command) -> None:
        """Apply a user's command, once."""
        if command.id in self.story.commands:
            return
        body = CommandApplied(
            command=command.id, kind=command.kind, trial=command.trial, trials=command.trials
        )
        self._append(body)

    def finished(self, number: int, attempt: int, samples: int, seconds: float) -> None:
        """The recipe came to the end of its run."""
        self._ended(number, attempt, FINISHED, samples, seconds)

    def stopped(self, number: int, attempt: int, samples: int, seconds: float) -> None:
        """The attempt obeyed a stop: by verdict, or by the user."""
        ending = stopped(self.story, self.story.trials[number])
        self._ended(number, attempt, ending, samples, seconds)

    def saved(
        self, number: int, attempt: int, samples: int, seconds: float, *, kept: bool = True
    ) -> None:
        """The attempt saved and left: parked by a verdict, or preempted for anything else. Not
        `kept`: its recipe has no state to save, and the next attempt starts anew."""
        ending = saved(self.story.trials[number], self._points)
        self._ended(number, attempt, ending, samples, seconds, kept)

    def broke(self, number: int, attempt: int, error: str, *, raised: bool, fatal: bool) -> None:
        """The worker raised (`raised`) or vanished. `fatal`: another attempt would do the same.
        After some of them the trial gives up (`gives_up`)."""
        record = self.story.trials[number]
        if not _is_open(record, attempt):
            return
        reason = AttemptEnd.FAILED if raised else AttemptEnd.LOST
        ended = AttemptEnded(
            trial=number,
            attempt=attempt,
            reason=reason,
            samples=_samples(record),
            error=error,
            gave_up=fatal or gives_up(record, reason, self.spec.spec.resources.max_attempts),
        )
        self._append(ended)

    def _ended(
        self,
        number: int,
        attempt: int,
        ending: Ending,
        samples: int,
        seconds: float,
        kept: bool = True,
    ) -> None:
        if not _is_open(self.story.trials[number], attempt):
            return
        body = AttemptEnded(
            trial=number,
            attempt=attempt,
            reason=ending.reason,
            samples=samples,
            seconds=seconds,
            stop_reason=ending.stop_reason,
            kept=kept,
        )
        self._append(body)

    def _closing(self) -> bool:
        return self.mode is Mode.LEAVE or self.story.paused or self.story.cancelled

    def _running(self) -> list[TrialRecord]:
        trials = self.story.trials.values()
        return [record for record in trials if record.state == TrialState.RUNNING]


def _is_open(record: TrialRecord, attempt: int) -> bool:
    """Whether this attempt is the trial's last, and has not ended."""
    last = record.attempts[-1] if record.attempts else None
    return last is not None and last.number == attempt and last.ended is None


def _samples(record: TrialRecord) -> int:
    """Those of the last report."""
    return record.last_report.samples if record.last_report else 0
