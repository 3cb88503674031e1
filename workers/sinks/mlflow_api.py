"""The little of MLflow's client that we use, and what its errors mean to us."""

from __future__ import annotations

import math
import os
import posixpath
import re
from collections.abc import Callable, Iterator
from typing import Any

# Read by MLflow at each request. Our threads wait and try again by themselves; its own retries
# would hold them for minutes. What the operator set stays.
for _name, _value in {
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "0",
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "20",
}.items():
    os.environ.setdefault(_name, _value)

from mlflow import MlflowClient  # noqa: E402
from mlflow.entities import Metric, Run  # noqa: E402
from mlflow.exceptions import MlflowException  # noqa: E402

from workers.sinks.metric_spool import Point  # noqa: E402


class NotOursError(OSError):
    """Nothing was written: somebody else may be writing there."""


# Everything that a call to MLflow may raise when the server, or the way to it, is not well.
Trouble = (MlflowException, OSError)

METRICS_PER_BATCH = 1000
ENTITIES_PER_BATCH = 100
KEY_LENGTH = 250

_ILLEGAL = re.compile(r"[^\w\-./: ]")
_REFUSALS = frozenset(
    {
        "BAD_REQUEST",
        "INVALID_PARAMETER_VALUE",
        "NOT_FOUND",
        "RESOURCE_ALREADY_EXISTS",
        "RESOURCE_DOES_NOT_EXIST",
    }
)


_WRITES = (
    "create_experiment", "create_run", "delete_tag", "log_batch", "log_text", "restore_experiment",
    "set_experiment_tag", "set_terminated", "update_run",
)  # fmt: skip


def connect(tracking_uri: str, ours: Callable[[], bool] | None = None) -> MlflowClient:
    """A client of its own: no global tracking URI. Sends nothing yet.

    With `ours`, it is asked before each write; when it says no, NotOursError is raised instead.
    """
    client = MlflowClient(tracking_uri=tracking_uri)
    if ours is not None:
        for name in _WRITES:
            setattr(client, name, _guarded(getattr(client, name), ours))
    return client


def _guarded(write: Callable[..., Any], ours: Callable[[], bool]) -> Callable[..., Any]:
    def guarded(*given: Any, **named: Any) -> Any:
        if not ours():
            raise NotOursError("the lease was not renewed in time: another driver may have it")
        return write(*given, **named)

    return guarded


def refused(error: Exception) -> bool:
    """True when MLflow answered that the thing asked is not possible: the run was deleted, or the
    database is another one. To ask the same again is no use; to look the run up again is."""
    return isinstance(error, MlflowException) and error.error_code in _REFUSALS


def find_runs(client: MlflowClient, experiments: list[str], tags: dict[str, str]) -> Iterator[Run]:
    """The runs that carry all these tags, the oldest first."""
    wanted = " and ".join(f"tags.`{name}` = '{value}'" for name, value in tags.items())
    order = ["attributes.start_time ASC"]
    token = None
    while True:
        page = client.search_runs(experiments, wanted, order_by=order, page_token=token)
        yield from page
        token = page.token
        if not token:
            return


def find_trial_run(client: MlflowClient, trial_id: str) -> str | None:
    """The id of the run tagged `sweep.trial_id`, in whichever experiment; None: not made yet."""
    experiments: list[str] = []
    token = None
    while True:
        page = client.search_experiments(page_token=token)
        experiments += [experiment.experiment_id for experiment in page]
        token = page.token
        if not token:
            break
    runs = find_runs(client, experiments, {"sweep.trial_id": trial_id})
    return next((str(run.info.run_id) for run in runs), None)


def last_steps(run: Run) -> dict[str, int]:
    """The last step of each metric of a run."""
    return {metric.key: int(metric.step) for metric in run.data.to_proto().metrics}


def send_points(client: MlflowClient, run_id: str, points: list[Point]) -> None:
    """Write at most METRICS_PER_BATCH points; all or none. A point that is there is left alone."""
    client.log_batch(run_id, metrics=[metric(point) for point in points], synchronous=True)


def metric(point: Point) -> Metric:
    """A point as MLflow gets it."""
    return Metric(legal_name(point.key), shown(point.value), point.timestamp, point.step)


def shown(value: float) -> float:
    """The value as MLflow gets it: infinities go as NaN, which is a gap in a chart and sorts
    last either way. MLflow would store +-1.8e308 for them, and such a run would sort as the best
    of a metric. Spool and journal keep the true value."""
    return math.nan if math.isinf(value) else value


def legal_name(name: str) -> str:
    """`name` as MLflow takes it for a key: a character it refuses becomes an underscore."""
    name = _ILLEGAL.sub("_", name)[:KEY_LENGTH]
    tidy = posixpath.normpath(name) == name and not name.startswith(("/", "."))
    return name if tidy else re.sub(r"[/.]", "_", name)
