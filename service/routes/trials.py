"""Routes of trials."""

from __future__ import annotations

from fastapi import APIRouter, Depends

from service.auth import Scope
from service.errors import Conflict, NotFound
from service.operations import command
from service.routes.common import (
    API,
    Cursor,
    Limit,
    Needs,
    Now,
    Reading,
    SweepPath,
    TrialPath,
    Writing,
    errors,
)
from service.schemas import Accepted, TrialDetail, TrialPage, Why
from service.store import sweeps, trial_views, trials
from sweeps.lifecycle import TrialState

router = APIRouter(prefix=API, tags=["trials"])


@router.get(
    "/sweeps/{sweep_id}/trials",
    operation_id="list_trials",
    dependencies=[Depends(Needs(Scope.VIEWER))],
    responses=errors(NotFound),
)
def list_trials(
    sweep_id: SweepPath,
    session: Reading,
    limit: Limit = 50,
    cursor: Cursor = None,
    state: TrialState | None = None,
) -> TrialPage:
    """A sweep's trials by number."""
    sweeps.find(session, sweep_id)
    rows, following = trials.page(session, sweep_id, limit, cursor, state)
    return TrialPage(items=[trial_views.trial(row) for row in rows], next_cursor=following)


@router.get(
    "/trials/{trial_id}",
    operation_id="get_trial",
    dependencies=[Depends(Needs(Scope.VIEWER))],
    responses=errors(NotFound),
)
def get_trial(trial_id: TrialPath, session: Reading) -> TrialDetail:
    """One trial with its attempts, reports and verdicts."""
    return trial_views.detail(session, trials.find(session, trial_id))


@router.get(
    "/trials/{trial_id}/why",
    operation_id="explain_trial",
    dependencies=[Depends(Needs(Scope.VIEWER))],
    responses=errors(NotFound),
)
def explain_trial(trial_id: TrialPath, session: Reading) -> Why:
    """Why a trial is where it is: the verdict that ended it, or else the latest one."""
    return trial_views.why(session, trials.find(session, trial_id))


@router.post(
    "/trials/{trial_id}/stop",
    operation_id="stop_trial",
    status_code=202,
    dependencies=[Depends(Needs(Scope.EDITOR))],
    responses=errors(NotFound, Conflict),
)
def stop_trial(trial_id: TrialPath, session: Writing, now: Now) -> Accepted:
    """End one trial. It takes effect when the sweep's driver hears of it."""
    return command.stop_trial(session, trial_id, now.now)
