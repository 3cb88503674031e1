"""Links into MLflow's web pages."""

from __future__ import annotations

from urllib.parse import quote


def charts_link(ui_url: str, experiment_id: str, parent_run_id: str, metric: str, goal: str) -> str:
    """The chart view of all trials of one sweep, best first.

    MLflow 3.17 folds children under their parent, and its charts stay empty, unless the runs are
    sorted by something that is not the creation time; so the metric is the order. An experiment
    would open in GenAI mode without `workflowType`.
    """
    query = {
        "workflowType": "machine_learning",
        "compareRunsMode": "CHART",
        "orderByKey": f"metrics.`{metric}`",
        "orderByAsc": "true" if goal == "minimize" else "false",
        "searchFilter": f"tags.mlflow.parentRunId = '{parent_run_id}'",
    }
    # MLflow reads the query behind the hash; a plus would stay a plus there.
    pairs = "&".join(f"{name}={quote(value, safe='')}" for name, value in query.items())
    return f"{ui_url.rstrip('/')}/#/experiments/{experiment_id}/runs?{pairs}"


def run_link(ui_url: str, experiment_id: str, run_id: str) -> str:
    """The page of one run."""
    page = f"{ui_url.rstrip('/')}/#/experiments/{experiment_id}/runs/{run_id}"
    return f"{page}?workflowType=machine_learning"
