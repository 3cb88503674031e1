"""Links into MLflow's web pages."""

from __future__ import annotations

import json
from urllib.parse import quote

# MLflow draws the first ten runs of a list and leaves the eye of the others shut.
DRAWN_AT_ONCE = 10
VIEW_TAG = "mlflow.sharedViewState."
# Where the page of a sweep's figures lies among the artifacts of its run.
FIGURES = "figures/figures.html"


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


def view_link(ui_url: str, experiment_id: str, key: str) -> str:
    """The page of `charts_link` with the curves of all trials, however many, shown at once.

    Which runs are drawn is not part of a link: MLflow keeps it in a shared view, a tag of the
    experiment named VIEW_TAG + `key` that holds `shared_view`. MLflow reads it only when the link
    itself holds neither filter nor order, and says on the page that the view is a shared one.
    """
    query = f"workflowType=machine_learning&compareRunsMode=CHART&viewStateShareKey={key}"
    return f"{ui_url.rstrip('/')}/#/experiments/{experiment_id}/runs?{query}"


def shared_view(parent_run_id: str, metric: str, goal: str) -> str:
    """What MLflow 3.17's own "share" button would write for that page."""
    return json.dumps(
        {
            "searchFilter": f"tags.mlflow.parentRunId = '{parent_run_id}'",
            "orderByKey": f"metrics.`{metric}`",
            "orderByAsc": goal == "minimize",
            "runsHiddenMode": "SHOWALL",
        }
    )


def run_link(ui_url: str, experiment_id: str, run_id: str) -> str:
    """The page of one run."""
    page = f"{ui_url.rstrip('/')}/#/experiments/{experiment_id}/runs/{run_id}"
    return f"{page}?workflowType=machine_learning"


def artifact_link(ui_url: str, experiment_id: str, run_id: str, path: str) -> str:
    """The page of one artifact of a run; it says so itself where there is none yet."""
    page = f"{ui_url.rstrip('/')}/#/experiments/{experiment_id}/runs/{run_id}"
    return f"{page}/artifacts/{quote(path)}?workflowType=machine_learning"
