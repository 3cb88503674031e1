"""How agents claim sweeps, and drivers keep them."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field

from service.schemas.base import Answer, Line, Number, SweepId
from service.schemas.commands import Command
from service.schemas.sweeps import Tracking
from sweeps.lifecycle import SweepState
from sweeps.spec import Name
from sweeps.wire import Wire


class ClaimRequest(Wire):
    """An agent offers `slots` parallel trials of its pool for one of its recipes.

    `driving` are the sweeps whose driver this agent still has alive: it is given none of them. An
    agent that ends in good order says so by `leaving`; it gets nothing, and is no longer listed.
    """

    agent: Name
    pool: Name
    device_kind: Line = "cpu"
    slots: Annotated[int, Field(ge=1, le=100_000)] = 1
    recipes: Annotated[list[Name], Field(min_length=1, max_length=1000)]
    version: Annotated[str, Field(max_length=100)] = ""
    driving: Annotated[list[SweepId], Field(max_length=1000)] = []
    leaving: bool = False


class Lease(Answer):
    """The right to drive `sweep` (its id) for `expires_in` seconds, renewed every `renew_every`.

    `token` grows with each claim of the sweep; `slots` are the devices to use at most,
    `max_parallel` the trials (None: no limit; it may differ from the spec's, and a renewal may
    change it); `commands` are those not applied yet; `state` is RUNNING.
    """

    sweep: SweepId
    spec: dict[str, Any]
    state: SweepState
    token: int
    slots: int
    max_parallel: int | None = None
    expires_in: float
    renew_every: float
    commands: list[Command]
    tracking: Tracking | None


class RenewRequest(Wire):
    """Keep a lease. `tracking` is stored on the sweep when given."""

    token: Number
    tracking: Tracking | None = None


class Renewal(Answer):
    """What holds until the next renewal, as in the lease."""

    slots: int
    max_parallel: int | None = None
    commands: list[Command]
    expires_in: float
    renew_every: float | None = None
