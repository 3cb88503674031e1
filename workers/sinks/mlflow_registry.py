"""A model folder in MLflow's registry: one version for each winner of a sweep, and its alias."""

from __future__ import annotations

import math
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from mlflow import MlflowClient
from mlflow.entities.model_registry import ModelVersion
from mlflow.exceptions import MlflowException

from sweeps.metric import cost
from sweeps.spec import Metric

CHAMPION, CHALLENGER = "champion", "challenger"
# Where MLflow shows a model beside its run; it takes no full stop in this name.
LOGGED_NAME = "champion"
REGISTERED = "sweep.registered_model"
# A server that passes a large file on to an object store answers when that has it.
UPLOAD_SECONDS = "3600"
_TIMEOUT = "MLFLOW_HTTP_REQUEST_TIMEOUT"


@dataclass(frozen=True)
class Entry:
    """What is registered: one trial's model. `value` is what it is ranked by, of `metric`."""

    name: str
    sweep_id: str
    trial: int
    run_id: str
    experiment_id: str
    metric: Metric
    value: float
    data_digest: str | None
    params: Mapping[str, str]

    @property
    def tags(self) -> dict[str, str]:
        """The tags of its version, by which it is found again and compared."""
        return {
            "sweep.id": self.sweep_id,
            "sweep.trial_number": str(self.trial),
            "sweep.metric": self.metric.name,
            "sweep.goal": self.metric.goal,
            "sweep.value": repr(self.value),
            "sweep.data_digest": self.data_digest or "",
        }


def find(client: MlflowClient, entry: Entry) -> ModelVersion | None:
    """The version that this trial has already. Raises one of `mlflow_api.Trouble`."""
    for version in client.search_model_versions(f"name = '{entry.name}'"):
        tags = version.tags
        if (tags.get("sweep.id"), tags.get("sweep.trial_number")) == (
            entry.sweep_id,
            str(entry.trial),
        ):
            return version
    return None


def register(client: MlflowClient, entry: Entry, folder: Path) -> ModelVersion:
    """Log the folder as a model of the trial's run and make a version of it. Raises as `find`."""
    _drop_drafts(client, entry)
    model = client.create_logged_model(
        entry.experiment_id,
        name=LOGGED_NAME,
        source_run_id=entry.run_id,
        tags=entry.tags,
        params=dict(entry.params),
        model_type="sft",
    )
    with _patience():
        client.log_model_artifacts(model.model_id, str(folder))
    client.finalize_logged_model(model.model_id, "READY")
    try:
        client.create_registered_model(entry.name)
    except MlflowException as error:
        if error.error_code != "RESOURCE_ALREADY_EXISTS":
            raise
    return client.create_model_version(
        entry.name,
        source=model.artifact_location,
        run_id=entry.run_id,
        model_id=model.model_id,
        tags=entry.tags,
        await_creation_for=None,
    )


def promote(client: MlflowClient, entry: Entry, version: ModelVersion) -> str:
    """Give the version its alias, which is returned: `champion`, or `challenger` where another
    sweep's model is the champion and this one is not known to be as good. Raises as `find`.

    Somebody may serve the champion: it gives way to a later winner of its own sweep, or to one that
    is no worse by the same metric on the same data, and to nothing else.
    """
    aliases = client.get_registered_model(entry.name).aliases
    held = aliases.get(CHAMPION)
    alias = CHAMPION
    if held is not None and str(held) != str(version.version):
        tags = client.get_model_version(entry.name, held).tags
        alias = CHAMPION if _gives_way(tags, entry) else CHALLENGER
    if str(aliases.get(alias)) != str(version.version):
        client.set_registered_model_alias(entry.name, alias, version.version)
    client.set_tag(entry.run_id, REGISTERED, f"{entry.name}/{version.version}")
    return alias


def _gives_way(tags: Mapping[str, str], entry: Entry) -> bool:
    if tags.get("sweep.id") == entry.sweep_id:
        return True
    same = ("sweep.metric", "sweep.goal", "sweep.data_digest")
    if not entry.data_digest or any(tags.get(name) != entry.tags[name] for name in same):
        return False
    try:
        held = cost(float(tags.get("sweep.value", "")), entry.metric)
    except ValueError:
        return False
    return math.isfinite(held) and cost(entry.value, entry.metric) <= held


def _drop_drafts(client: MlflowClient, entry: Entry) -> None:
    """Models of this trial without a version: a process was killed while it uploaded one."""
    wanted = f"tags.`sweep.id` = '{entry.sweep_id}'"
    for model in client.search_logged_models([entry.experiment_id], filter_string=wanted):
        if model.tags.get("sweep.trial_number") == str(entry.trial):
            client.delete_logged_model(model.model_id)


@contextmanager
def _patience() -> Iterator[None]:
    """MLflow reads its time limit at every request."""
    before = os.environ.get(_TIMEOUT)
    os.environ[_TIMEOUT] = UPLOAD_SECONDS
    try:
        yield
    finally:
        if before is None:
            del os.environ[_TIMEOUT]
        else:
            os.environ[_TIMEOUT] = before
