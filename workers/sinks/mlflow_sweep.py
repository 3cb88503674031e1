"""What the run of a sweep shall be, by its spec and the journal."""

from __future__ import annotations

from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import yaml
from mlflow.utils.git_utils import get_git_commit

from sweeps.lifecycle import SweepState
from sweeps.phases import phases_of
from sweeps.spec import SweepSpec, TinyModel, parse
from sweeps.trial import Params
from workers.sinks.mlflow_chronicle import Chronicle
from workers.sinks.mlflow_runs import FAILED, FINISHED, KILLED, RUNNING, RunPicture

_STATUS = {
    SweepState.DONE: FINISHED,
    SweepState.CANCELLED: KILLED,
    SweepState.FAILED: FAILED,
}
_NAME_LENGTH = 100


def sweep_picture(
    chronicle: Chronicle, sweep_id: str, state: SweepState, note: str, started: int, ended: int
) -> RunPicture:
    """The sweep's run. `started` counts when it is made, `ended` (ms) when it has ended."""
    spec, story = chronicle.spec, chronicle.story
    tags = {
        "sweep.id": sweep_id,
        "sweep.name": spec.metadata.name,
        "sweep.state": state.value,
        "mlflow.note.content": note,
        "mlflow.source.type": "JOB",
        "mlflow.source.name": "sweepctl",
        **code_tags(),
        **{f"sweep.label.{name}": value for name, value in spec.metadata.labels.items()},
    }
    params = _params(spec)
    if story.prepared is not None:
        tags["sweep.device_kind"] = story.prepared.device_kind
        if story.prepared.data_digest is not None:
            tags["sweep.data_digest"] = story.prepared.data_digest
        params["horizon_samples"] = str(story.prepared.horizon_samples)
    return RunPicture(
        name=spec.metadata.name,
        started=started,
        tags=tags,
        params=params,
        points=chronicle.points,
        status=_STATUS.get(state, RUNNING),
        ended=ended,
    )


def state_of(chronicle: Chronicle) -> SweepState:
    """The state of a sweep that a driver has in hand."""
    if chronicle.story.cancelled:
        return SweepState.STOPPING
    return SweepState.PAUSED if chronicle.story.paused else SweepState.RUNNING


def winner_yaml(spec: SweepSpec, params: Params) -> str:
    """The sweep's spec with this one configuration: it runs as it is."""
    plain = spec.dump()
    body = {name: part for name, part in plain["spec"].items() if name not in ("budget", "confirm")}
    body["parameters"] = {name: {"value": value} for name, value in params.items()}
    body["method"], body["pruning"] = {"type": "grid"}, {"type": "never"}
    body["baselines"] = {"base": False, "preset": None}
    name = f"{spec.metadata.name[: _NAME_LENGTH - 7]}-winner"
    winner = {**plain, "metadata": {**plain["metadata"], "name": name}, "spec": body}
    parse(winner)
    return yaml.safe_dump(winner, sort_keys=False)


@cache
def code_tags() -> dict[str, str]:
    """Which code ran: the version, and the commit when it runs from its own repository."""
    try:
        tags = {"sweep.code_version": version("sweepctl")}
    except PackageNotFoundError:
        tags = {"sweep.code_version": "not installed"}
    root = Path(__file__).resolve().parents[2]
    # Only our own repository: site-packages may lie inside somebody else's.
    commit = get_git_commit(str(root)) if (root / ".git").exists() else None
    return tags | ({"mlflow.source.git.commit": commit} if commit else {})


def _params(spec: SweepSpec) -> dict[str, str]:
    body, work = spec.spec, spec.spec.workload
    model = f"tiny {work.model.tiny}" if isinstance(work.model, TinyModel) else work.model
    params = {
        "recipe": work.recipe,
        "model": model,
        "train_data": ", ".join(phase.data for phase in phases_of(work))
        or (work.data.train if work.data else None),
        "strategy": work.strategy if isinstance(work.strategy, str) else "phased",
        "adapter": work.adapter.type if work.adapter else None,
        "method": body.method.type,
        "pruning": body.pruning.type,
        "metric": body.metric.name,
        "goal": body.metric.goal,
        "horizon": _told(body.horizon.model_dump(exclude_none=True)),
        "points": str(body.report.points),
        "sweep_seed": str(body.seed),
        "budget": _told(body.budget.model_dump(exclude_none=True)) or None,
    }
    axes = {
        f"space.{name}": _told(axis.model_dump(mode="json", exclude_none=True))
        for name, axis in body.parameters.axes.items()
    }
    return {name: value for name, value in params.items() if value is not None} | axes


def _told(plain: dict[str, object]) -> str:
    return ", ".join(f"{name}: {value}" for name, value in plain.items())
