"""What routes share: scope, session, moment, the body of a spec, and the errors they document."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from typing import Annotated, Any, cast

from fastapi import Depends, Path, Request
from fastapi.concurrency import contextmanager_in_threadpool
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from sqlalchemy.orm import Session

from service.auth import Scope
from service.clock import Terms
from service.context import Context
from service.errors import (
    BadRequest,
    Forbidden,
    Invalid,
    ServiceError,
    Unauthenticated,
    Unavailable,
)
from service.problems import documented

API = "/api/v1"
_bearer = HTTPBearer(auto_error=False, description="SWEEP_USER_TOKEN or SWEEP_AGENT_TOKEN")
Bearer = Annotated[HTTPAuthorizationCredentials | None, Depends(_bearer)]


def context_of(request: Request) -> Context:
    """The app's context."""
    return cast("Context", request.app.state.context)


class Needs:
    """The dependency by which a route declares its scope. Every route has exactly one."""

    def __init__(self, scope: Scope) -> None:
        self.scope = scope

    async def __call__(self, request: Request, bearer: Bearer) -> None:
        """Raises Unauthenticated, Forbidden."""
        token = None if bearer is None else bearer.credentials
        context_of(request).keyring.check(self.scope, token)


class Open:
    """Declares that a route asks for no token."""

    scope = Scope.OPEN

    async def __call__(self) -> None:
        """Let everybody in."""


def terms(request: Request) -> Terms:
    """This moment, and how long leases last."""
    return context_of(request).terms()


async def reading(request: Request) -> AsyncIterator[Session]:
    """A session that changes nothing."""
    async with contextmanager_in_threadpool(context_of(request).database.read()) as session:
        yield session


async def writing(request: Request) -> AsyncIterator[Session]:
    """A session that is committed before the answer is sent."""
    context = context_of(request)
    async with (
        context.turn(),
        contextmanager_in_threadpool(context.database.write()) as session,
    ):
        yield session


# scope="function": the exit half runs before the answer, so that a failing commit is no 201.
Reading = Annotated[Session, Depends(reading, scope="function")]
Writing = Annotated[Session, Depends(writing, scope="function")]
Now = Annotated[Terms, Depends(terms)]
SweepPath = Annotated[str, Path(description="swp_ and 32 hexadecimal digits")]
TrialPath = Annotated[str, Path(description="trl_ and 32 hexadecimal digits")]


async def spec_bytes(request: Request) -> bytes:
    """The raw body; `read_json` reads it off the event loop."""
    return await request.body()


SpecBytes = Annotated[bytes, Depends(spec_bytes)]
SPEC_BODY: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Spec"}}},
    }
}


STRING = {"type": "string"}


def read_json(body: bytes) -> Any:
    """A body as plain data. Raises BadRequest, Invalid for a key written twice."""
    try:
        return json.loads(body, object_pairs_hook=_once)
    except (ValueError, RecursionError) as error:
        raise BadRequest(f"the body is not JSON: {error}") from error


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise Invalid(f"the key {twice!r} is written twice; keep one of the two")
    return found


ETAG = {"ETag": {"description": "the settings' revision, for If-Match", "schema": STRING}}


def errors(*more: type[ServiceError]) -> dict[int | str, dict[str, Any]]:
    """The documented errors of a route: those that any may raise, and `more`."""
    always = (BadRequest, Unauthenticated, Forbidden, Invalid, ServiceError, Unavailable)
    return documented(*always, *more)
