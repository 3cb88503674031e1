"""Settings: what a user may change of a sweep that goes on, under optimistic locking."""

from __future__ import annotations

import re
from datetime import datetime

from sqlalchemy.orm import Session

from service.errors import (
    BadRequest,
    Conflict,
    IllegalMove,
    PreconditionFailed,
    PreconditionRequired,
)
from service.operations import inbox
from service.schemas import PatchSweep
from service.store import sweeps, trials
from service.store.tables import SweepRow
from sweeps.errors import Fault
from sweeps.lifecycle import SWEEP_ENDS, SweepState

_TAG = r'(?:W/)?"[\x21\x23-\x7e]*"'
_TAGS = re.compile(rf"\s*{_TAG}(?:\s*,\s*{_TAG})*\s*")


def etag(sweep: SweepRow) -> str:
    """The ETag of a sweep: its settings' revision in quotes."""
    return f'"{sweep.revision}"'


def patch(
    session: Session, sweep_id: str, change: PatchSweep, match: str | None, now: datetime
) -> SweepRow:
    """Change the settings that `change` names, if `match` (an If-Match) is still the revision.

    A new budget also goes to the sweep's driver as a command. Raises PreconditionRequired,
    BadRequest, NotFound, PreconditionFailed, IllegalMove when the sweep has ended, and Conflict
    for a budget below what was asked already.
    """
    wanted = _wanted(match)
    sweep = sweeps.find(session, sweep_id, lock=True)
    if wanted is not None and etag(sweep) not in wanted:
        raise PreconditionFailed(
            f"the settings are at revision {sweep.revision} by now; read them again, then change",
            extra={"revision": sweep.revision},
        )
    if sweep.state in SWEEP_ENDS or sweep.state == SweepState.STOPPING:
        raise IllegalMove(
            f"the sweep is {sweep.state}; its settings do nothing any more",
            extra={"state": sweep.state, "possible": []},
        )
    _apply(session, sweep, change, now)
    return sweep


def _wanted(match: str | None) -> list[str] | None:
    """The tags of an If-Match, None for `*`. Weak ones are kept: they match nothing."""
    if match is None:
        raise PreconditionRequired(
            "send If-Match with the ETag of the sweep as you read it, or If-Match: * to change "
            "it whatever it is by now"
        )
    if match.strip() == "*":
        return None
    if not _TAGS.fullmatch(match):
        raise BadRequest('If-Match is an ETag such as "3" with its quotes, a list of them, or *')
    return re.findall(_TAG, match)


def _apply(session: Session, sweep: SweepRow, change: PatchSweep, now: datetime) -> None:
    before = (sweep.priority, sweep.max_parallel, sweep.budget_trials)
    given = change.model_fields_set
    if "priority" in given:
        sweep.priority = change.priority
    if "max_parallel" in given:
        sweep.max_parallel = change.max_parallel
    if "budget" in given and change.budget.trials != sweep.budget_trials:
        _budget(session, sweep, change.budget.trials, now)
    if before != (sweep.priority, sweep.max_parallel, sweep.budget_trials):
        sweep.revision += 1
        sweep.updated_at = now


def _budget(session: Session, sweep: SweepRow, wanted: int, now: datetime) -> None:
    asked = trials.searched(session, sweep.id)
    if wanted < asked:
        mend = f"Write {asked} to let no new trial begin."
        fault = Fault("/budget/trials", str(wanted), f"{asked} trials were asked already", mend)
        raise Conflict("the budget is below what was asked", [fault], {"asked": asked})
    sweep.budget_trials = wanted
    inbox.give(session, sweep, "set_budget", now, trials=wanted)
