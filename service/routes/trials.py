"""Routes of trials."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Query

from service.auth import Scope
from service.errors import Conflict, NotFound
from service.operations import command, retry
from service.queries import ReportQuery, TrialQuery
from service.routes.common import (
    API,
    Needs,
    Now,
    Reading,
    SweepPath,
    TrialPath,
    Writing,
    errors,
)
from service.schemas import Accepted, ReportPage, TrialDetail, TrialPage, Why
from service.store import sweeps, trial_views, trials

router = APIRouter(prefix=API, tags=["trials"])


@router.get(
    "/sweeps/{sweep_id}/trials",
    operation_id="list_trials",
    dependencies=[Depends(Needs(Scope.VIEWER))],
    responses=errors(NotFound),
)
def list_trials(
    sweep_id: SweepPath, session: Reading, asked: Annotated[TrialQuery, Query()]
) -> TrialPage:
    """A sweep's trials, by number unless sorted otherwise.

    Sorted by a value, those that have none, or one that is not finite, come last either way.
    """
    sweeps.find(session, sweep_id)
    rows, following = trials.page(session, sweep_id, asked)
    return TrialPage(items=[trial_views.trial(row) for row in rows], next_cursor=following)


@router.get(
    "/sweeps/{sweep_id}/reports",
    operation_id="list_reports",
    dependencies=[Depends(Needs(Scope.VIEWER))],
    responses=errors(NotFound),
)
def list_reports(
    sweep_id: SweepPath, session: Reading, asked: Annotated[ReportQuery, Query()]
) -> ReportPage:
    """All reports of a sweep with their verdicts, by trial number and decision point."""
    sweeps.find(session, sweep_id)
    rows, following = trials.report_page(session, sweep_id, asked)
    items = [trial_views.report(number, row) for number, row in rows]
    return ReportPage(items=items, next_cursor=following)


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


@router.post(
    "/trials/{trial_id}/retry",
    operation_id="retry_trial",
    status_code=202,
    dependencies=[Depends(Needs(Scope.EDITOR))],
    responses=errors(NotFound, Conflict),
)
def retry_trial(trial_id: TrialPath, session: Writing, now: Now) -> Accepted:
    """Run one FAILED trial again, from its last checkpoint. A sweep that had ended as DONE or
    FAILED is QUEUED again."""
    return retry.retry_trial(session, trial_id, now.now)
