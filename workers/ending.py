"""How a driver's part in a sweep ended, told by the story."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from sweeps.conductor import Conductor
from sweeps.lifecycle import SweepState, TrialState
from sweeps.result import make_result
from sweeps.trial import Role
from workers.weights import told

# What the service takes; whoever writes more would be refused at the very end of a sweep.
MESSAGE_CHARACTERS = 4000
_CUT = " ... (cut here)"


@dataclass(frozen=True)
class Ending:
    """`state` is what becomes of the sweep; None when it goes on under another lease.

    A message that is too long for the service is cut at its end; what UTF-8 cannot write becomes
    question marks.
    """

    state: SweepState | None
    message: str = ""
    # Where the weights of the best trials lie, the best first.
    weights: Mapping[int, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        text = self.message.encode(errors="replace").decode()
        if len(text) > MESSAGE_CHARACTERS:
            text = text[: MESSAGE_CHARACTERS - len(_CUT)] + _CUT
        object.__setattr__(self, "message", text)


def ending(conductor: Conductor, weights: Mapping[int, str] | None = None) -> Ending:
    """CANCELLED by the user, PAUSED, FAILED when no trial came through, DONE, or left half-way.

    `weights`: see `workers.weights`.
    """
    weights = weights or {}
    story = conductor.story
    search = [r for r in story.trials.values() if r.trial.role is Role.SEARCH]
    states = [record.state for record in search]
    counts = ", ".join(f"{states.count(s)} {s}" for s in TrialState if s in states)
    if story.cancelled:
        message = f"Cancelled by the user: {counts or 'no trial'}."
        return Ending(SweepState.CANCELLED, message, weights)
    if not conductor.complete():
        return Ending(SweepState.PAUSED if story.paused else None, counts)
    if states and all(state == TrialState.FAILED for state in states):
        last_line = (search[0].reason or "").strip().splitlines()[-1:] or ["no error was recorded"]
        return Ending(SweepState.FAILED, f"Every trial failed. The first one: {last_line[0]}")
    said = make_result(conductor.spec, story).recommendation
    return Ending(SweepState.DONE, f"{said} {told(weights)}".rstrip(), weights)
