"""What the operator sets for agents and drivers: `SWEEP_*` environment variables."""

from __future__ import annotations

import os
from pathlib import Path

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict

from workers.roots import DataRoots


class WorkerSettings(BaseSettings):
    """Environment of `python -m workers.agent` and of the drivers it starts."""

    model_config = SettingsConfigDict(env_prefix="SWEEP_", extra="ignore")

    service_url: str = "http://127.0.0.1:8765"
    agent_token: str | None = None
    agent_token_file: Path | None = None
    pool: str = "default"
    # What the trials of this pool run on; a local Ray finds out by itself.
    device_kind: str = "cpu"
    storage: Path = Path("sweepctl-storage")
    # Folders under which models and data may lie, separated like PATH.
    data_roots: str = ""
    # How many devices (GPUs, or CPU cores without GPUs) this pool gives to trials.
    slots: int | None = Field(default=None, ge=1)
    # How many processes share a trial on a pool without GPUs; with GPUs it is one for each GPU.
    cpu_ranks: int = Field(default=1, ge=1)
    # The operator's own recipes: name=module:function,name=module:function
    recipes: str = ""
    # What scores replies in evaluations: name=module:function,name=module:function
    judges: str = ""
    # Tasks of lm-evaluation-harness that sweeps may name: name,name=folder of task files
    lm_eval_tasks: str = ""
    # A YAML file of the operator's own command lines: name: {command: [program, argument, ...]}
    commands: str = ""
    # Seconds between an attempt's own checkpoints; it also saves whenever it is paused.
    checkpoint_seconds: float = Field(default=600.0, ge=0)
    # Any fsspec URL, such as s3://bucket/prefix: every checkpoint is copied there.
    checkpoints: str | None = None
    # The largest model, in GiB, that is registered in MLflow when a sweep has ended; 0: none is.
    champion_gib: float = Field(default=20.0, ge=0)
    # Seconds after which a training worker looks up from its work to hear new orders.
    beat_seconds: float = Field(default=2.0, gt=0)
    # A worker that holds so much more between two trials than after its first one is replaced.
    worker_growth_mb: int = Field(default=1024, ge=1)
    # Two trials on one GPU where the cost model knows that they fit, and the spec names no GPUs.
    share_gpus: bool = False
    # Seconds between two looks for a sweep to drive.
    poll_seconds: float = Field(default=1.0, gt=0)
    # How often in a row a sweep's driver may die young before the sweep is given up as FAILED.
    driver_crashes: int = Field(default=8, ge=1)
    # Seconds that drivers get to save their trials when the agent is told to stop.
    grace_seconds: float = Field(default=25.0, ge=0)

    tracking_uri: str | None = Field(default=None, validation_alias="MLFLOW_TRACKING_URI")
    # Where people open MLflow, when that is not where workers reach it.
    mlflow_url: str | None = None
    ray_address: str | None = Field(default=None, validation_alias="RAY_ADDRESS")

    def ray_address_or_fail(self) -> str:
        """The address that the agent set. Raises ValueError: a driver never starts a Ray."""
        if not self.ray_address:
            raise ValueError("RAY_ADDRESS is not set; drivers are started by the agent")
        return self.ray_address

    def token(self) -> str:
        """The agent's token, from the environment or its file. Raises ValueError without one."""
        if self.agent_token:
            return self.agent_token
        if self.agent_token_file:
            return self.agent_token_file.read_text().strip()
        raise ValueError("set SWEEP_AGENT_TOKEN or SWEEP_AGENT_TOKEN_FILE")

    def roots(self) -> DataRoots:
        """The data roots as absolute folders."""
        parts = [part for part in self.data_roots.split(os.pathsep) if part]
        return DataRoots(tuple(Path(part).resolve() for part in parts))

    def mirror_of(self, sweep_id: str, number: int) -> str | None:
        """Where copies of a trial's checkpoints lie; None without SWEEP_CHECKPOINTS."""
        if not self.checkpoints:
            return None
        return f"{self.checkpoints.rstrip('/')}/{sweep_id}/{number:05d}"

    def shared_mirror_of(self, sweep_id: str, key: str) -> str | None:
        """Where a copy of a checkpoint lies that trials share; None without SWEEP_CHECKPOINTS."""
        if not self.checkpoints:
            return None
        return f"{self.checkpoints.rstrip('/')}/{sweep_id}/phases/{key}"

    def token_folder(self) -> Path:
        """Where a node keeps tokenised data."""
        return self.storage.resolve() / "tokens"

    def sweep_folder(self, sweep_id: str) -> Path:
        """Where a sweep keeps its journal spool, checkpoints and metric spools."""
        return self.storage.resolve() / "sweeps" / sweep_id
