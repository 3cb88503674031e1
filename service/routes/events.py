"""The route of events: server-sent, from the events table, without holding a session."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Annotated, Any

import anyio
from fastapi import APIRouter, Depends, Header, Request, Response
from fastapi.concurrency import run_in_threadpool
from sse_starlette import EventSourceResponse, ServerSentEvent

from service.auth import Scope
from service.context import Context
from service.errors import BadRequest, NotFound
from service.routes.common import API, Needs, SweepPath, context_of, errors
from service.schemas import Event
from service.store import events, sweeps

router = APIRouter(prefix=f"{API}/sweeps/{{sweep_id}}", tags=["sweeps"])
BATCH = 200
LastId = Annotated[
    str | None,
    Header(alias="Last-Event-ID", description="the id of the last event seen; go on after it"),
]


@router.get(
    "/events",
    operation_id="watch_sweep",
    dependencies=[Depends(Needs(Scope.VIEWER))],
    response_model=None,
    responses={
        200: {"description": "Events, each an Event as JSON", "content": {"text/event-stream": {}}},
        204: {"description": "The sweep has ended, and its last event was seen"},
        **errors(NotFound),
    },
)
async def watch_sweep(sweep_id: SweepPath, request: Request, last_id: LastId = None) -> Any:
    """A sweep's events as they happen, until the one by which it ends.

    If a retry takes the end back, later events follow for whoever asks again.
    """
    context, after = context_of(request), _number(last_id)
    found, ended = await run_in_threadpool(_begin, context, sweep_id, after)
    if ended and not found:
        return Response(status_code=204)
    stream = _tell(context, sweep_id, after)
    return EventSourceResponse(stream, sep="\n", ping=context.settings.heartbeat_seconds)


async def _tell(context: Context, sweep_id: str, after: int) -> AsyncIterator[ServerSentEvent]:
    while True:
        found, ended = await run_in_threadpool(_look, context, sweep_id, after)
        for event in found:
            after = event.id
            data = event.model_dump_json()
            yield ServerSentEvent(data, event=event.type, id=str(event.id), sep="\n")
        if ended:
            return
        if not found:
            await anyio.sleep(context.settings.event_poll_seconds)


def _begin(context: Context, sweep_id: str, after: int) -> tuple[list[Event], bool]:
    """As `_look`. Raises BadRequest for an id that no event has yet: its owner would miss those
    that come before it."""
    with context.database.read() as session:
        newest = sweeps.find(session, sweep_id).event_seq
    if after > newest:
        raise BadRequest(
            f"Last-Event-ID is {after}, and this sweep's newest event is {newest}; leave it out "
            "to see all"
        )
    return _look(context, sweep_id, after)


def _look(context: Context, sweep_id: str, after: int) -> tuple[list[Event], bool]:
    with context.database.read() as session:
        sweeps.find(session, sweep_id)
        return events.after(session, sweep_id, after, BATCH)


def _number(text: str | None) -> int:
    """The number in a Last-Event-ID. Raises BadRequest."""
    if text is None:
        return 0
    if not (text.isascii() and text.isdigit() and len(text) < 19):
        raise BadRequest("Last-Event-ID is not the id of an event; leave it out to see all")
    return int(text)
