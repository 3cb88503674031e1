"""Errors -> RFC 9457 problem+json: the one place where the service's errors meet HTTP."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping, Sequence
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from sqlalchemy.exc import DataError, SQLAlchemyError
from starlette.exceptions import HTTPException
from starlette.responses import Response

from service.errors import (
    TYPE_PREFIX,
    BadRequest,
    Invalid,
    ServiceError,
    Unauthenticated,
    Unavailable,
    Unsupported,
    class_of,
)
from service.store import trouble
from sweeps.errors import Fault, SpecError, UnsupportedError
from sweeps.faults import pointer, shorten

log = logging.getLogger(__name__)
MEDIA_TYPE = "application/problem+json"


def install(app: FastAPI) -> None:
    """Make `app` answer every error as a problem."""
    kinds: tuple[type[Exception], ...] = (
        ServiceError,
        SpecError,
        RequestValidationError,
        HTTPException,
        *trouble.PASSING,
        DataError,
        Exception,
    )
    for kind in kinds:
        app.add_exception_handler(kind, _handle)


def documented(*errors: type[ServiceError]) -> dict[int | str, dict[str, Any]]:
    """The `responses` of a route that may raise these, for OpenAPI."""
    schema = {"$ref": "#/components/schemas/Problem"}
    statuses = sorted({error.status for error in errors})
    return {
        status: {
            "description": "; ".join(e.title for e in errors if e.status == status),
            "content": {MEDIA_TYPE: {"schema": schema}},
        }
        for status in statuses
    }


def response(error: ServiceError, path: str, headers: Mapping[str, str] | None = None) -> Response:
    """The answer that tells of `error`."""
    body = {
        **error.extra,
        "type": TYPE_PREFIX + error.slug,
        "title": error.title,
        "status": error.status,
        "detail": error.detail,
        "instance": path,
        "errors": [
            {"pointer": f.pointer, "detail": f.message, "value": f.value, "mend": f.mend}
            for f in error.faults
        ],
    }
    sent = dict(headers or {})
    if isinstance(error, Unauthenticated):
        sent["WWW-Authenticate"] = "Bearer"
    if isinstance(error, Unavailable):
        sent["Retry-After"] = "1"
    return Response(json.dumps(body), error.status, sent, MEDIA_TYPE)


async def _handle(request: Request, error: Exception) -> Response:
    headers = error.headers if isinstance(error, HTTPException) else None
    return response(translate(error), request.url.path, headers)


def translate(error: Exception) -> ServiceError:
    """The ServiceError that says what `error` says."""
    match error:
        case ServiceError():
            return error
        case UnsupportedError():
            return Unsupported(_count(error.faults), error.faults)
        case SpecError():
            return Invalid(_count(error.faults), error.faults)
        case RequestValidationError():
            return _validation(error)
        case HTTPException():
            return class_of(None, error.status_code)(str(error.detail))
        case DataError():
            log.error("the database: %s", error)
            return BadRequest(trouble.UNFIT)
        case SQLAlchemyError() if isinstance(error, trouble.PASSING):
            log.error("the database: %s", error)
            return Unavailable(trouble.explain(error))
    return ServiceError("the service failed at this request; its log says why")


def _count(faults: Sequence[Fault]) -> str:
    return "one thing is wrong" if len(faults) == 1 else f"{len(faults)} things are wrong"


def _validation(error: RequestValidationError) -> ServiceError:
    found = error.errors()
    if any(one["type"] == "json_invalid" for one in found):
        return BadRequest(f"the body is not JSON: {found[0].get('ctx', {}).get('error', '')}")
    if isinstance(error.body, bytes):
        return BadRequest("the body was not read: send it with Content-Type: application/json")
    faults = [_fault(one, error.body) for one in found]
    return Invalid(_count(faults), faults)


def _fault(found: Mapping[str, Any], body: Any) -> Fault:
    place, *parts = found["loc"]
    message = str(found["msg"]).removeprefix("Value error, ")
    mend = "Add it." if found["type"] == "missing" else "Write it as the message says."
    if place != "body":
        message, parts = f"{place} parameter {'.'.join(map(str, parts))}: {message}", []
    value = "nothing" if found["type"] == "missing" else shorten(found.get("input"))
    return Fault(pointer(_inside(parts, body)), value, message, mend)


def _inside(parts: list[str | int], body: Any) -> list[str | int]:
    """Without the names of union members, which are not in the body; the last part stays."""
    kept: list[str | int] = []
    for index, part in enumerate(parts):
        held = (isinstance(body, dict) and part in body) or (
            isinstance(body, list) and isinstance(part, int) and part < len(body)
        )
        if held:
            body = body[part]
        if held or index == len(parts) - 1:
            kept.append(part)
    return kept
