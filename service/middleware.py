"""What wraps every request: limits on its body's size and depth, and a count of its answer."""

from __future__ import annotations

import json
import sys
import time

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from service import problems
from service.clock import now, stamp
from service.errors import Invalid, TooLarge
from service.metrics import Metrics
from service.nesting import nested_deeper

# How many times its limit of a refused body is read, so that its sender hears why.
DISCARDED = 4
# A spec may be 32 deep; the deepest journal entry of ours is 8.
MAX_DEPTH = 64


class BodyLimit:
    """Reads a body before the app does and refuses one over its limit, announced or chunked, and
    one that is nested deeper than MAX_DEPTH.

    `journal_bytes` holds for paths that end in /journal, `any_bytes` for all others.
    """

    def __init__(self, app: ASGIApp, any_bytes: int, journal_bytes: int) -> None:
        self._app, self._any, self._journal = app, any_bytes, journal_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on with the body read, or answer 413."""
        if scope["type"] != "http" or scope["method"] in ("GET", "HEAD", "DELETE", "OPTIONS"):
            await self._app(scope, receive, send)
            return
        limit = self._journal if scope["path"].endswith("/journal") else self._any
        # A client that is still sending when its connection closes never sees the answer, so some
        # of a refused body is read and thrown away. What is larger still loses the connection.
        kept = limit if _announced(scope) <= limit else -1
        body = await _read(receive, kept, DISCARDED * limit)
        if body is None:
            error = TooLarge(f"a body may have {limit} bytes here; send less at a time")
            answer = problems.response(error, scope["path"], {"Connection": "close"})
            await answer(scope, receive, send)
            return
        if nested_deeper(body, MAX_DEPTH):
            deep = Invalid(f"lists and objects may be nested {MAX_DEPTH} deep here; flatten them")
            await problems.response(deep, scope["path"])(scope, receive, send)
            return
        await self._app(scope, _Replay(body, receive), send)


class _Replay:
    """A receive that hands out a body read before, then whatever comes."""

    def __init__(self, body: bytes, receive: Receive) -> None:
        self._body: bytes | None = body
        self._receive = receive

    async def __call__(self) -> Message:
        if self._body is None:
            return await self._receive()
        body, self._body = self._body, None
        return {"type": "http.request", "body": body, "more_body": False}


class Measure:
    """Counts each answer by route and status; with `log` writes one JSON line to stdout."""

    def __init__(self, app: ASGIApp, metrics: Metrics, log: bool) -> None:
        self._app, self._metrics, self._log = app, metrics, log

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on, and look at the answer's first message."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began = time.monotonic()

        async def watched(message: Message) -> None:
            if message["type"] == "http.response.start":
                self._answered(scope, message["status"], time.monotonic() - began)
            await send(message)

        await self._app(scope, receive, watched)

    def _answered(self, scope: Scope, status: int, seconds: float) -> None:
        route = getattr(scope.get("route"), "path", "unmatched")
        self._metrics.answered(scope["method"], route, status, seconds)
        if self._log:
            line = {
                "at": stamp(now()),
                "method": scope["method"],
                "path": scope["path"],
                "status": status,
                "ms": round(seconds * 1000, 1),
            }
            sys.stdout.write(json.dumps(line) + "\n")
            sys.stdout.flush()


def _announced(scope: Scope) -> int:
    for name, value in scope["headers"]:
        if name == b"content-length" and value.isdigit():
            return int(value[:18])
    return 0


async def _read(receive: Receive, limit: int, most: int) -> bytes | None:
    """The whole body, or None when it goes over `limit`; then at most `most` bytes are read."""
    parts: list[bytes] = []
    size, more = 0, True
    while more and size <= max(limit, most):
        message = await receive()
        part = message.get("body", b"")
        size += len(part)
        if size <= limit:
            parts.append(part)
        more = message.get("more_body", False)
    return b"".join(parts) if size <= limit else None
