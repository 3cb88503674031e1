"""Random journals of legal moves, and random entries that may fit a story or not."""

from __future__ import annotations

import math
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

from hypothesis import strategies as st
from stories import make_report

from sweeps.journal import (
    Asked,
    AttemptEnded,
    AttemptStarted,
    Body,
    CommandApplied,
    Entry,
    Judged,
    Prepared,
    Reported,
    Story,
    apply,
)
from sweeps.lifecycle import AttemptEnd, StopReason, TrialState
from sweeps.trial import GO_ON, Action, Role, TrialRecord, Verdict

STOP = Verdict(action=Action.STOP, reason="test", message="As the test says.")
PAUSE = Verdict(action=Action.PAUSE, reason="test", message="As the test says.")
VERDICTS = st.sampled_from([GO_ON, PAUSE, STOP])
KINDS = ["pause", "resume", "cancel", "stop_trial", "retry_trial", "set_budget"]
OF_TRIALS = ("stop_trial", "retry_trial")
Move = Callable[[Any, Story], Body | None]


def _pick(data: Any, story: Story, *states: TrialState) -> TrialRecord | None:
    found = [record for record in story.trials.values() if record.state in states]
    return data.draw(st.sampled_from(found)) if found else None


def _ask(data: Any, story: Story) -> Body:
    role = data.draw(st.sampled_from([Role.SEARCH, Role.CONFIRM]))
    return Asked(trial=len(story.trials), params={"learning_rate": 0.1}, role=role)


def _start(data: Any, story: Story) -> Body | None:
    record = _pick(data, story, TrialState.PENDING, TrialState.PAUSED)
    if record is None:
        return None
    return AttemptStarted(trial=record.trial.number, attempt=len(record.attempts) + 1)


def _report(data: Any, story: Story) -> Body | None:
    record = _pick(data, story, TrialState.RUNNING)
    if record is None:
        return None
    report = make_report(
        data.draw(st.integers(1, 10)), data.draw(st.sampled_from([1.0, math.nan, -math.inf]))
    )
    number, attempt = record.trial.number, len(record.attempts)
    return Reported(trial=number, attempt=attempt, report=report, verdict=data.draw(VERDICTS))


def _end(data: Any, story: Story) -> Body | None:
    record = _pick(data, story, TrialState.RUNNING)
    if record is None:
        return None
    reason = data.draw(st.sampled_from(AttemptEnd))
    return AttemptEnded(
        trial=record.trial.number,
        attempt=len(record.attempts),
        reason=reason,
        samples=data.draw(st.integers(0, 1000)),
        error="boom" if reason is AttemptEnd.FAILED else None,
        stop_reason=StopReason.PRUNED if reason is AttemptEnd.STOPPED else None,
        gave_up=data.draw(st.booleans()),
    )


def _park(data: Any, story: Story) -> Body | None:
    """More often than by chance: parking is what much else builds on."""
    record = _pick(data, story, TrialState.RUNNING)
    if record is None:
        return None
    reason = data.draw(st.sampled_from([AttemptEnd.PAUSED, AttemptEnd.FAILED]))
    number, attempt = record.trial.number, len(record.attempts)
    return AttemptEnded(trial=number, attempt=attempt, reason=reason, gave_up=True)


def _judge(data: Any, story: Story) -> Body | None:
    record = _pick(data, story, TrialState.PAUSED)
    if record is None:
        return None
    return Judged(trial=record.trial.number, verdict=data.draw(VERDICTS))


def _command(data: Any, story: Story) -> Body | None:
    kind = data.draw(st.sampled_from(KINDS))
    record = _pick(data, story, *TrialState)
    if kind in OF_TRIALS and record is None:
        return None
    return CommandApplied(
        command=f"c{len(story.commands)}",
        kind=kind,
        trial=record.trial.number if record and kind in OF_TRIALS else None,
        trials=data.draw(st.integers(1, 99)) if kind == "set_budget" else None,
    )


def _retry(data: Any, story: Story) -> Body | None:
    record = _pick(data, story, TrialState.FAILED)
    if record is None:
        return None
    number, command = record.trial.number, f"c{len(story.commands)}"
    return CommandApplied(command=command, kind="retry_trial", trial=number)


_MOVES: list[Move] = [_ask, _start, _start, _report, _report, _end, _park, _judge, _judge]
_MOVES += [_command, _retry]


@st.composite
def journals(draw: Any, longest: int = 40) -> list[Entry]:
    """A random journal of legal moves, with revivals, retries and changes of the budget."""
    data = SimpleNamespace(draw=draw)
    story, entries = Story(), list[Entry]()
    for _ in range(draw(st.integers(0, longest))):
        body = draw(st.sampled_from(_MOVES))(data, story)
        if body is not None:
            apply(story, body)
            entries.append(Entry(seq=len(entries) + 1, at="2026-01-01T00:00:00Z", body=body))
    return entries


_numbers, _attempts = st.integers(-1, 6), st.integers(0, 4)
anything: st.SearchStrategy[Body] = st.one_of(
    st.builds(Prepared, horizon_samples=st.integers(1, 9)),
    st.builds(Asked, trial=_numbers, params=st.just({})),
    st.builds(AttemptStarted, trial=_numbers, attempt=_attempts),
    st.builds(
        Reported,
        trial=_numbers,
        attempt=_attempts,
        report=st.integers(1, 10).map(make_report),
        verdict=VERDICTS,
    ),
    st.builds(
        AttemptEnded,
        trial=_numbers,
        attempt=_attempts,
        reason=st.sampled_from(AttemptEnd),
        gave_up=st.booleans(),
    ),
    st.builds(Judged, trial=_numbers, verdict=VERDICTS),
    st.builds(
        CommandApplied,
        command=st.sampled_from(["a", "b"]),
        kind=st.sampled_from(KINDS),
        trial=st.none() | _numbers,
        trials=st.none() | st.integers(-1, 5),
    ),
)
