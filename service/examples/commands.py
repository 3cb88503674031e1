"""What users ask of a sweep or a trial that is on its way."""

from __future__ import annotations

from typing import Any

from service.examples.story import COMMAND


def _accepted(kind: str, applied: bool, state: str) -> dict[str, Any]:
    """A command that was taken."""
    return {"id": COMMAND, "kind": kind, "applied": applied, "state": state}


ANSWERS: dict[str, Any] = {
    "pause_sweep": _accepted("pause", False, "RUNNING"),
    "resume_sweep": _accepted("resume", True, "QUEUED"),
    "cancel_sweep": _accepted("cancel", False, "STOPPING"),
    "retry_sweep": {**_accepted("retry_sweep", False, "QUEUED"), "trials": [4]},
    "stop_trial": _accepted("stop_trial", False, "RUNNING"),
    "retry_trial": _accepted("retry_trial", False, "RUNNING"),
}
