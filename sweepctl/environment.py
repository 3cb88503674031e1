"""The environment of what `up` starts: the user's own, without what would lead a child astray."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

# Set by the stack for every child that needs them; a value from outside would point elsewhere.
_OURS = {
    "SWEEP_DATABASE_URL",
    "SWEEP_HOST",
    "SWEEP_PORT",
    "SWEEP_USER_TOKEN",
    "SWEEP_USER_TOKEN_FILE",
    "SWEEP_AGENT_TOKEN",
    "SWEEP_AGENT_TOKEN_FILE",
    "SWEEP_MLFLOW_URL",
    "SWEEP_SERVICE_URL",
    "SWEEP_POOL",
    "SWEEP_STORAGE",
    "SWEEP_DATA_ROOTS",
    "SWEEP_SLOTS",
}


def clean(outer: Mapping[str, str], alone: bool) -> dict[str, str]:
    """`outer` without MLflow's variables (they name another server) and without ours.

    `alone`, for the demo: without any SWEEP_ and RAY_ variable either, so that it never joins a
    cluster. Loopback is taken out of the way of proxies.
    """
    dropped = ("MLFLOW_", "_MLFLOW_", "SWEEPCTL_") + (("RAY_", "SWEEP_") if alone else ())
    kept = {
        name: value
        for name, value in outer.items()
        if name not in _OURS and not name.startswith(dropped)
    }
    return kept | spared(outer)


def spared(outer: Mapping[str, str]) -> dict[str, str]:
    """The variables that keep loopback out of the user's proxies, which cannot reach it."""
    wanted = "127.0.0.1,localhost"
    found = {name: outer.get(name, "") for name in ("NO_PROXY", "no_proxy")}
    return {
        name: value if wanted in value else ",".join(filter(None, [value, wanted]))
        for name, value in found.items()
    }


def service(base: Mapping[str, str], root: Path, port: int, mlflow_url: str) -> dict[str, str]:
    """For `python -m service` and `python -m service.migrate`."""
    return {
        **base,
        "SWEEP_DATABASE_URL": f"sqlite:///{root / 'service.db'}",
        "SWEEP_HOST": "127.0.0.1",
        "SWEEP_PORT": str(port),
        "SWEEP_USER_TOKEN_FILE": str(root / "user.token"),
        "SWEEP_AGENT_TOKEN_FILE": str(root / "agent.token"),
        "SWEEP_MLFLOW_URL": mlflow_url,
    }


def mlflow(base: Mapping[str, str]) -> dict[str, str]:
    """For `mlflow server`: two processes instead of fifteen, and no telemetry."""
    return {
        **base,
        "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
        "MLFLOW_DISABLE_TELEMETRY": "true",
    }


def agent(
    base: Mapping[str, str],
    root: Path,
    urls: tuple[str, str],
    data_roots: list[Path],
    slots: int | None,
) -> dict[str, str]:
    """For `python -m workers.agent`; `urls` are those of service and MLflow."""
    mine = {
        **base,
        "SWEEP_SERVICE_URL": urls[0],
        "SWEEP_AGENT_TOKEN_FILE": str(root / "agent.token"),
        "SWEEP_POOL": "default",
        "SWEEP_STORAGE": str(root / "storage"),
        "SWEEP_DATA_ROOTS": os.pathsep.join(str(folder.resolve()) for folder in data_roots),
        "MLFLOW_TRACKING_URI": urls[1],
        "MLFLOW_DISABLE_TELEMETRY": "true",
    }
    if slots is not None:
        mine["SWEEP_SLOTS"] = str(slots)
    return mine
