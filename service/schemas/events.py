"""What happens to a sweep, as it happens."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal

from service.schemas.base import Answer, SweepId, TrialId


class Event(Answer):
    """Something happened to a sweep. `id` grows; hand it back as Last-Event-ID to go on from there.

    type and data: `sweep` {state, was, message}; `trial` {number, state, was, reason, params};
    `verdict` {number, point, samples, action, reason, message, audit, loss, grad_norm, metrics};
    `command` {id, kind, trial, trials, status: waiting | applied}. Numbers in `data` that are not
    finite are the strings that the wire uses. `last` is true on the event by which the sweep
    ended; a retry takes it back.
    """

    id: int
    type: Literal["sweep", "trial", "verdict", "command"]
    at: datetime
    sweep_id: SweepId
    trial_id: TrialId | None
    data: dict[str, Any]
    last: bool
