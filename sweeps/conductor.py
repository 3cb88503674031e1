"""The conductor: what happens next in a sweep. Pure: it reads the story and appends entries.

The Ray adapter (and a simulator) asks it three things: which attempt to start, what a report is
answered, and whether a running trial shall go on. Everything it decides goes through `append`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum

from sweeps.baselines import baseline
from sweeps.confirming import confirmation, search_is_open
from sweeps.journal import (
    Asked,
    AttemptEnded,
    AttemptStarted,
    Body,
    CommandApplied,
    CommandKind,
    Judged,
    Reported,
    Story,
)
from sweeps.lifecycle import TRIAL_ENDS, AttemptEnd, StopReason, TrialState
from sweeps.prefixes import Held, ahead
from sweeps.searchers.base import Searcher
from sweeps.spec import SweepSpec
from sweeps.trial import Action, Report, Role, Trial, TrialRecord, Verdict

Judge = Callable[[Story, int, Report], Verdict]
Revive = Callable[[Story, bool, bool], tuple[int, Verdict] | None]
Part = Callable[[Story], Mapping[int, Verdict]]
# A worker may vanish for reasons of its own (a reboot, a preempted node), so a trial may lose this
# many times as many attempts as it may fail.
LOST_FACTOR = 3


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
        self._searcher, self._judge, self._append = searcher, judge, append
        self._revive, self._part = revive, part

    def recover(self) -> None:
        """End the attempts that a lost driver left open. Verdicts already given stay given."""
        if self.story.paused:
            # Only a sweep that was resumed is claimed again.
            self.command(Command(f"resumed-at-{self.story.seq}", "resume"))
        for record in self._running():
            attempt = record.attempts[-1].number
            last = record.last_report
            verdict = record.verdicts.get(last.point) if last else None
            if verdict is not None and verdict.action is Action.STOP:
                self._end(record, attempt, AttemptEnd.STOPPED, StopReason.PRUNED)
            elif record.trial.number in self.story.stop_requested:
                self._end(record, attempt, AttemptEnd.STOPPED, StopReason.USER)
            elif verdict is not None and verdict.action is Action.PAUSE:
                self._end(record, attempt, AttemptEnd.PAUSED)
            elif last is not None and last.point == self.spec.spec.report.points:
                self._end(record, attempt, AttemptEnd.FINISHED)
            else:
                self._end(record, attempt, AttemptEnd.LOST)

    def next(self) -> Launch | None:
        """The attempt to start now, journalled as started; None when there is nothing to start.

        Trials that wait for another attempt go first, unless they are better held (`Held`),
        then the rows beside the search, then those that the pruner revives, then new ones. When
        there is nothing new after all, the pruner is asked once more. Confirmation runs come when
        all that is over.
        """
        if self._closing() or len(self._running()) >= self.slots:
            return None
        held = Held(self.spec, self.story)
        pending = self._records(TrialState.PENDING)
        waiting = next((r for r in pending if r.trial.number not in held.numbers), None)
        waiting = waiting or self._asked(baseline(self.spec, self.story))
        more = waiting is None and not self._searcher.exhausted(self.story)
        waiting = waiting or self._revived(more)
        if waiting is None and more:
            waiting = self._new(held) or self._revived(more=False)
        waiting = waiting or self._confirming()
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
        if self._running():
            return False
        if self._closing():
            return True
        if self._records(TrialState.PENDING) or not self._searched_out():
            return False
        return self._revive(self.story, True, False) is None and not self._rows_due()

    def close(self) -> None:
        """At the very end: parked trials that nothing revived are stopped, in the pruner's words if
        it has any."""
        if self._closing() and not self.story.cancelled:
            return
        said = self._part(self.story)
        for record in list(self._records(TrialState.PAUSED)):
            parted = record.verdicts[max(record.verdicts)]
            verdict = said.get(record.trial.number) or Verdict(
                action=Action.STOP,
                reason="parked",
                message=f"{parted.message} No trial did badly enough to bring it back.",
                evidence=parted.evidence,
            )
            self._append(Judged(trial=record.trial.number, verdict=verdict))

    def complete(self) -> bool:
        """True when every trial has ended and no more will be asked."""
        ended = all(record.state in TRIAL_ENDS for record in self.story.trials.values())
        return ended and (self.story.cancelled or (self._searched_out() and not self._rows_due()))

    def reported(self, number: int, attempt: int, report: Report) -> Verdict:
        """Journal a report with its verdict. A repeated point is answered with what was stored.

        Not so a guard that trips where an earlier attempt went on, as it may on a GPU, where a
        resumed attempt need not be bit-identical: it is taken under the first point that is free.
        """
        record = self.story.trials[number]
        if report.point in record.reports:
            stored, free = record.verdicts[report.point], max(record.reports) + 1
            news = report.guard is not None and stored.action is not Action.STOP
            if not news or free > self.spec.spec.report.points:
                return stored
            report = report.model_copy(update={"point": free})
        verdict = self._judge(self.story, number, report)
        entry = Reported(trial=number, attempt=attempt, report=report, verdict=verdict)
        self._append(entry)
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
        self._ended(number, attempt, AttemptEnd.FINISHED, samples, seconds)

    def stopped(self, number: int, attempt: int, samples: int, seconds: float) -> None:
        """The attempt obeyed a stop: by verdict, or by the user."""
        record = self.story.trials[number]
        by_user = number in self.story.stop_requested or self.story.cancelled
        last = record.last_report
        pruned = last is not None and record.verdicts[last.point].action is Action.STOP
        reason = StopReason.USER if by_user and not pruned else StopReason.PRUNED
        self._ended(number, attempt, AttemptEnd.STOPPED, samples, seconds, reason)

    def saved(self, number: int, attempt: int, samples: int, seconds: float) -> None:
        """The attempt saved and left: parked by a verdict, or preempted for anything else."""
        record = self.story.trials[number]
        last = record.last_report
        parked = last is not None and record.verdicts[last.point].action is Action.PAUSE
        reason = AttemptEnd.PAUSED if parked else AttemptEnd.PREEMPTED
        if last is not None and last.point == self.spec.spec.report.points:
            reason = AttemptEnd.FINISHED  # it was through before it could save
        self._ended(number, attempt, reason, samples, seconds)

    def broke(self, number: int, attempt: int, error: str, *, raised: bool, fatal: bool) -> None:
        """The worker raised (`raised`) or vanished. `fatal`: another attempt would do the same.

        The trial gives up after `max_attempts` failed attempts since a user last retried it, or
        LOST_FACTOR times as many lost ones. Those lost with their driver have no error and do not
        count.
        """
        record = self.story.trials[number]
        if not record.attempts or record.attempts[-1].number != attempt:
            return
        reason = AttemptEnd.FAILED if raised else AttemptEnd.LOST
        counted = record.attempts[record.forgiven :]
        earlier = sum(p.ended == reason and p.error is not None for p in counted)
        limit = self.spec.spec.resources.max_attempts * (1 if raised else LOST_FACTOR)
        last = record.last_report
        ended = AttemptEnded(
            trial=number,
            attempt=attempt,
            reason=reason,
            samples=last.samples if last else 0,
            error=error,
            gave_up=fatal or earlier + 1 >= limit,
        )
        if record.attempts[-1].ended is None:
            self._append(ended)

    def _revived(self, more: bool) -> TrialRecord | None:
        """The parked trial that the pruner brings back now, journalled as revived."""
        if not self._records(TrialState.PAUSED):
            return None
        last = not more and not any(r.trial.role is Role.SEARCH for r in self._running())
        found = self._revive(self.story, last, more)
        if found is None:
            return None
        number, verdict = found
        self._append(Judged(trial=number, verdict=verdict))
        return self.story.trials[number]

    def _searched_out(self) -> bool:
        """True when the searcher has nothing more. It need not know so before it is asked."""
        return self._searcher.exhausted(self.story) or self._searcher.ask(self.story) is None

    def _new(self, held: Held) -> TrialRecord | None:
        """The searcher's next configuration, journalled as asked. Those that another trial is
        training the first phase of wait; the one after them is as good for the free slot."""
        while len(held.numbers) < ahead(self.spec, self.slots):
            record = self._asked(self._searcher.ask(self.story))
            if record is None or not held.add(record.trial):
                return record
        return None

    def _confirming(self) -> TrialRecord | None:
        """The next confirmation run. Nothing of the search is left then: what is still parked,
        and was just not revived, is stopped before."""
        if self.spec.spec.confirm is None or search_is_open(self.story):
            return None
        self.close()
        return self._asked(confirmation(self.spec, self.story))

    def _rows_due(self) -> bool:
        """True when a row beside the search, or a confirmation run, is still to be asked."""
        due = baseline(self.spec, self.story) or confirmation(self.spec, self.story)
        return due is not None

    def _asked(self, asked: Asked | None) -> TrialRecord | None:
        if asked is None:
            return None
        self._append(asked)
        return self.story.trials[asked.trial]

    def _ended(
        self,
        number: int,
        attempt: int,
        reason: AttemptEnd,
        samples: int,
        seconds: float,
        stop_reason: StopReason | None = None,
    ) -> None:
        record = self.story.trials[number]
        if record.attempts[-1].number != attempt or record.attempts[-1].ended is not None:
            return
        body = AttemptEnded(
            trial=number,
            attempt=attempt,
            reason=reason,
            samples=samples,
            seconds=seconds,
            stop_reason=stop_reason,
        )
        self._append(body)

    def _end(
        self,
        record: TrialRecord,
        attempt: int,
        reason: AttemptEnd,
        stop_reason: StopReason | None = None,
    ) -> None:
        last = record.last_report
        samples = last.samples if last else 0
        self._ended(record.trial.number, attempt, reason, samples, 0.0, stop_reason)

    def _closing(self) -> bool:
        return self.mode is Mode.LEAVE or self.story.paused or self.story.cancelled

    def _running(self) -> list[TrialRecord]:
        return list(self._records(TrialState.RUNNING))

    def _records(self, state: TrialState) -> list[TrialRecord]:
        return [record for record in self.story.trials.values() if record.state == state]
