"""Sweeps as the service tells of them, and the settings that a user may change."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

from pydantic import ConfigDict, Field, model_validator

from service.schemas.base import Answer, SweepId
from service.schemas.commands import Command
from sweeps.lifecycle import SweepState, TrialState
from sweeps.space import LARGEST
from sweeps.spec import Metric
from sweeps.wire import Wire


class Tracking(Wire):
    """Where MLflow shows the sweep."""

    experiment_id: Annotated[str, Field(max_length=200)] | None = None
    run_id: Annotated[str, Field(max_length=200)] | None = None
    url: Annotated[str, Field(max_length=2000, pattern=r"^https?://")] | None = None


class Sweep(Answer):
    """One sweep in a list.

    `message` says why it is where it is; for a QUEUED sweep why it does not run. `trials` counts
    trials by state. `pending` are commands that no driver has applied yet. `driven` is true while
    a driver holds an unexpired lease, `slots` are the devices that it may use at once. `priority`,
    `max_parallel` (None: no limit) and `budget_trials` (None: none) are the settings as they stand;
    `revision` counts their changes, and is the ETag.
    """

    id: SweepId
    name: str
    project: str
    labels: dict[str, str]
    state: SweepState
    message: str
    pool: str
    recipe: str
    metric: Metric
    trials: dict[TrialState, int]
    pending: list[Command]
    driven: bool
    slots: int
    revision: int = 1
    priority: int = 0
    max_parallel: int | None = None
    budget_trials: int | None = None
    tracking: Tracking | None
    created_at: datetime
    updated_at: datetime
    started_at: datetime | None
    ended_at: datetime | None


class SweepDetail(Sweep):
    """One sweep, whole. `spec` is as `SweepSpec.dump()` writes it; `sweeps.spec.parse` reads it."""

    spec: dict[str, Any]
    journal_seq: int


class SweepPage(Answer):
    """`next_cursor` is None on the last page."""

    items: list[Sweep]
    next_cursor: str | None


class PatchBudget(Wire):
    """A new budget. `trials` is the most to ask for in all, never less than were asked."""

    trials: Annotated[int, Field(strict=True, ge=1, lt=LARGEST)]


def _no_default(schema: dict[str, Any]) -> None:
    """What is left out stays: the default in code is never used."""
    del schema["default"]


class PatchSweep(Wire):
    """Settings of a sweep to change; those left out stay. `max_parallel` null is no limit."""

    model_config = ConfigDict(json_schema_extra={"minProperties": 1})

    priority: Annotated[int, Field(strict=True, ge=-100, le=100, json_schema_extra=_no_default)] = 0
    max_parallel: Annotated[
        Annotated[int, Field(strict=True, ge=1, lt=LARGEST)] | None,
        Field(json_schema_extra=_no_default),
    ] = None
    budget: Annotated[PatchBudget, Field(json_schema_extra=_no_default)] = PatchBudget(trials=1)

    @model_validator(mode="after")
    def _something(self) -> PatchSweep:
        if not self.model_fields_set:
            raise ValueError("nothing to change: give priority, max_parallel or budget")
        return self
