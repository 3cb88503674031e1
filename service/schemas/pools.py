"""Where sweeps run."""

from __future__ import annotations

from datetime import datetime

from service.schemas.base import Answer
from sweeps.lifecycle import SweepState


class Agent(Answer):
    """An agent as it last called. `alive` is false when it has been silent for a lease's length."""

    name: str
    device_kind: str
    slots: int
    recipes: list[str]
    version: str
    seen_at: datetime
    alive: bool


class Pool(Answer):
    """A named set of devices: its agents, `slots` of the living ones, sweeps there by state."""

    name: str
    slots: int
    agents: list[Agent]
    sweeps: dict[SweepState, int]


class PoolList(Answer):
    """Every pool that an agent serves or a sweep asks for.

    `mlflow_url` is where people open MLflow, None when the service was not told.
    """

    items: list[Pool]
    mlflow_url: str | None = None
