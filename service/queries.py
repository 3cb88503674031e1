"""What lists may be asked for: filters, order, page. Unknown parameters are refused."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from sweeps.lifecycle import SweepState, TrialState
from sweeps.spec import Name
from sweeps.trial import Role
from sweeps.wire import Wire

Label = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,99}=", max_length=400)]
SweepSort = Literal[
    "created_at",
    "-created_at",
    "updated_at",
    "-updated_at",
    "name",
    "-name",
    "priority",
    "-priority",
]
TrialSort = Literal[
    "number",
    "-number",
    "value",
    "-value",
    "loss",
    "-loss",
    "grad_norm",
    "-grad_norm",
    "samples",
    "-samples",
    "attempts",
    "-attempts",
    "updated_at",
    "-updated_at",
]
_CURSOR = "`next_cursor` of the page before; it belongs to the same filters and order"


class Paged(Wire):
    """How much of a list, and from where."""

    cursor: Annotated[str | None, Field(max_length=1000, description=_CURSOR)] = None
    limit: Annotated[int, Field(ge=1, le=200, description="items on one page")] = 50

    def filters(self) -> dict[str, object]:
        """All that decides which items come in which order; a cursor is bound to it."""
        return self.model_dump(mode="json", exclude={"cursor", "limit"})


class SweepQuery(Paged):
    """Which sweeps, in which order. Repeated states are alternatives, repeated labels all hold."""

    state: Annotated[list[SweepState], Field(max_length=10, description="in one of these")] = []
    project: Annotated[Name | None, Field(description="of this project")] = None
    pool: Annotated[Name | None, Field(description="for this pool")] = None
    name: Annotated[Name | None, Field(description="of exactly this name")] = None
    label: Annotated[list[Label], Field(max_length=20, description="such as team=nlp")] = []
    sort: Annotated[SweepSort, Field(description="`-` in front: falling")] = "-created_at"


class TrialQuery(Paged):
    """Which trials of a sweep, in which order. Those without a finite value come last."""

    state: Annotated[list[TrialState], Field(max_length=10, description="in one of these")] = []
    role: Annotated[Role | None, Field(description="what it is run for")] = None
    sort: Annotated[TrialSort, Field(description="`-` in front: falling")] = "number"


class ReportQuery(Paged):
    """How many reports of a sweep, and from where."""

    limit: Annotated[int, Field(ge=1, le=1000, description="items on one page")] = 200


class PruningQuery(Wire):
    """Which sweeps the report on pruning is about: those that ended last."""

    limit: Annotated[int, Field(ge=1, le=200, description="sweeps at most")] = 200
    project: Annotated[Name | None, Field(description="of this project")] = None
