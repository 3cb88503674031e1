"""Trials: list and explain them, with all that they reported."""

from __future__ import annotations

from service.calls.asking import MANY, States, get, sweep_path, trial_path
from service.exchange import Call, Leaf, leafed
from service.schemas import ReportPage, SweepReport, Trial, TrialDetail, TrialPage, Why

# Items of one page when all pages are asked for: a report is small.
_MANY_REPORTS = 1000


def list_trials(
    sweep_id: str,
    limit: int = 50,
    cursor: str | None = None,
    state: States = None,
    *,
    role: str | None = None,
    sort: str | None = None,
) -> Call[TrialPage]:
    """One page of a sweep's trials, by number, or by `sort` (number, value, samples ..., with `-`
    in front for falling order). Cursors are as for `list_sweeps`."""
    query = {"limit": limit, "cursor": cursor, "state": state, "role": role, "sort": sort}
    return get(TrialPage, f"{sweep_path(sweep_id)}/trials", query)


def every_trial(
    sweep_id: str, state: States = None, *, role: str | None = None, sort: str | None = None
) -> Call[Leaf[Trial]]:
    """All trials of a sweep as `list_trials` lists them, page by page."""
    return leafed(lambda cursor: list_trials(sweep_id, MANY, cursor, state, role=role, sort=sort))


def get_trial(trial_id: str) -> Call[TrialDetail]:
    """One trial with its attempts and reports. Raises NotFound."""
    return get(TrialDetail, trial_path(trial_id))


def why(trial_id: str) -> Call[Why]:
    """Why a trial is where it is. Raises NotFound."""
    return get(Why, f"{trial_path(trial_id)}/why")


def list_reports(sweep_id: str, limit: int = 50, cursor: str | None = None) -> Call[ReportPage]:
    """One page of all reports of a sweep with their verdicts, by trial number and point."""
    query = {"limit": limit, "cursor": cursor}
    return get(ReportPage, f"{sweep_path(sweep_id)}/reports", query)


def every_report(sweep_id: str) -> Call[Leaf[SweepReport]]:
    """All reports of a sweep by trial number and point, page by page."""
    return leafed(lambda cursor: list_reports(sweep_id, _MANY_REPORTS, cursor))
