"""Routes for whoever watches the service itself: open, outside of the API."""

from __future__ import annotations

from fastapi import APIRouter, Depends, Request, Response
from fastapi.responses import PlainTextResponse
from prometheus_client import CONTENT_TYPE_LATEST

from service.errors import Unavailable
from service.migrate import fault
from service.problems import documented
from service.routes.common import Now, Open, Reading, context_of
from service.schemas import Health
from service.version import VERSION

router = APIRouter(tags=["health"])


@router.get("/healthz", operation_id="healthz", dependencies=[Depends(Open())])
def healthz() -> Health:
    """The process answers."""
    return Health(status="ok", version=VERSION)


@router.get(
    "/readyz",
    operation_id="readyz",
    dependencies=[Depends(Open())],
    responses=documented(Unavailable),
)
def readyz(request: Request) -> Health:
    """The database answers and has the tables of this version."""
    found = fault(context_of(request).database)
    if found is not None:
        raise Unavailable(found)
    return Health(status="ok", version=VERSION)


@router.get(
    "/metrics",
    operation_id="metrics",
    dependencies=[Depends(Open())],
    response_class=PlainTextResponse,
    responses=documented(Unavailable),
)
def metrics(request: Request, session: Reading, now: Now) -> Response:
    """For Prometheus."""
    text = context_of(request).metrics.exposition(session, now.now, now.lease_seconds)
    return Response(text, media_type=CONTENT_TYPE_LATEST)
