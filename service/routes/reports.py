"""Routes of reports over many sweeps."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Query

from service.auth import Scope
from service.queries import PruningQuery
from service.routes.common import API, Needs, Reading, errors
from service.schemas import PruningHistory
from service.store import summaries

router = APIRouter(prefix=f"{API}/report", tags=["sweeps"])


@router.get(
    "/pruning",
    operation_id="report_pruning",
    dependencies=[Depends(Needs(Scope.VIEWER))],
    responses=errors(),
)
def report_pruning(session: Reading, asked: Annotated[PruningQuery, Query()]) -> PruningHistory:
    """What pruning promised and what its audits measured, over the sweeps that ended last.

    A sweep is here within seconds of its end.
    """
    return summaries.history(session, asked)
