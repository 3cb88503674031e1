"""Routes of pools and of the spec's schema."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Depends, Request

from service.auth import Scope
from service.routes.common import API, Needs, Now, Reading, context_of, errors
from service.schemas import PoolList
from service.store import sweep_views
from sweeps.spec import json_schema

router = APIRouter(prefix=API, tags=["pools"])


@router.get(
    "/pools",
    operation_id="list_pools",
    dependencies=[Depends(Needs(Scope.VIEWER))],
    responses=errors(),
)
def list_pools(request: Request, session: Reading, now: Now) -> PoolList:
    """Every pool that an agent serves or a sweep asks for."""
    mlflow = context_of(request).settings.mlflow_url
    return sweep_views.pools(session, now).model_copy(update={"mlflow_url": mlflow})


@router.get(
    "/schema",
    operation_id="get_schema",
    dependencies=[Depends(Needs(Scope.VIEWER))],
    responses=errors(),
)
def get_schema() -> dict[str, Any]:
    """The JSON Schema of specs."""
    return json_schema()
