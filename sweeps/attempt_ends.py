"""What the end of an attempt means for its trial. Pure functions of the story."""

from __future__ import annotations

from dataclasses import dataclass

from sweeps.journal import Story
from sweeps.lifecycle import AttemptEnd, StopReason
from sweeps.trial import Action, TrialRecord

# A worker may vanish for reasons of its own (a reboot, a preempted node), so a trial may lose this
# many times as many attempts as it may fail.
LOST_FACTOR = 3


@dataclass(frozen=True)
class Ending:
    """How an attempt ended, and when its trial stopped with it, on whose word."""

    reason: AttemptEnd
    stop_reason: StopReason | None = None


FINISHED = Ending(AttemptEnd.FINISHED)


def left_open(story: Story, record: TrialRecord, points: int) -> Ending:
    """Of an attempt that a lost driver left open. A verdict already given stays given."""
    last = last_action(record)
    if last is Action.STOP:
        return Ending(AttemptEnd.STOPPED, StopReason.PRUNED)
    if record.trial.number in story.stop_requested:
        return Ending(AttemptEnd.STOPPED, StopReason.USER)
    if last is Action.PAUSE:
        return Ending(AttemptEnd.PAUSED)
    return FINISHED if _through(record, points) else Ending(AttemptEnd.LOST)


def stopped(story: Story, record: TrialRecord) -> Ending:
    """Of one that obeyed a stop: by verdict, or by the user."""
    by_user = record.trial.number in story.stop_requested or story.cancelled
    pruned = last_action(record) is Action.STOP
    return Ending(
        AttemptEnd.STOPPED, StopReason.USER if by_user and not pruned else StopReason.PRUNED
    )


def saved(record: TrialRecord, points: int) -> Ending:
    """Of one that saved and left: parked by a verdict, or preempted for anything else."""
    if _through(record, points):
        return FINISHED  # it was through before it could save
    parked = last_action(record) is Action.PAUSE
    return Ending(AttemptEnd.PAUSED if parked else AttemptEnd.PREEMPTED)


def gives_up(record: TrialRecord, reason: AttemptEnd, max_attempts: int) -> bool:
    """Whether a trial gives up when its attempt ends as FAILED or LOST: after `max_attempts` failed
    ones since a user last retried it, or LOST_FACTOR times as many lost ones. Those lost with their
    driver have no error and do not count."""
    counted = record.attempts[record.forgiven :]
    earlier = sum(past.ended == reason and past.error is not None for past in counted)
    limit = max_attempts * (LOST_FACTOR if reason is AttemptEnd.LOST else 1)
    return earlier + 1 >= limit


def last_action(record: TrialRecord) -> Action | None:
    """What the verdict on the last report was; None before the first."""
    last = record.last_report
    return None if last is None else record.verdicts[last.point].action


def _through(record: TrialRecord, points: int) -> bool:
    last = record.last_report
    return last is not None and last.point == points
