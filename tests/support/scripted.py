"""A server on loopback that answers as a script says, and a blocking face of the async client."""

from __future__ import annotations

import asyncio
import inspect
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

from service.aio import AsyncClient

Line = tuple[int, str, bytes]


class Script(HTTPServer):
    """Answers request n with line n of `script`: (status, content type, body)."""

    def __init__(self, script: list[Line]) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.script = script
        self.seen: list[BaseHTTPRequestHandler] = []

    @property
    def url(self) -> str:
        """Where it answers."""
        return f"http://127.0.0.1:{self.server_port}"


class _Handler(BaseHTTPRequestHandler):
    server: Script

    def _answer(self) -> None:
        self.rfile.read(int(self.headers.get("content-length", 0)))
        self.server.seen.append(self)
        status, kind, body = self.server.script[len(self.server.seen) - 1]
        self.send_response(status)
        self.send_header("content-type", kind)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_GET = do_POST = _answer

    def log_message(self, *_: Any) -> None:
        """Quiet."""


def serving() -> Iterator[Callable[..., Script]]:
    """For a fixture: serve(line, line ...) -> Script, answering until the test ends."""
    running: list[Script] = []

    def start(*script: Line) -> Script:
        server = Script(list(script))
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        running.append(server)
        return server

    yield start
    for server in running:
        server.shutdown()
        server.server_close()


class Blocking:
    """An AsyncClient used as a Client is: each method waits, each iterator is an iterator."""

    kind = AsyncClient

    def __init__(self, *args: Any, **given: Any) -> None:
        self._runner = asyncio.Runner()
        self._client = self._runner.run(_made(self.kind, *args, **given))

    def __enter__(self) -> Blocking:
        return self

    def __exit__(self, *_: object) -> None:
        self._runner.run(self._client.close())
        self._runner.close()

    def __getattr__(self, name: str) -> Callable[..., Any]:
        method = getattr(self._client, name)

        def call(*args: Any, **given: Any) -> Any:
            made = method(*args, **given)
            if inspect.isawaitable(made):
                return self._runner.run(_finished(made))
            return self._steps(made)

        return call

    def _steps(self, items: AsyncIterator[Any]) -> Iterator[Any]:
        nothing = object()
        while (item := self._runner.run(_finished(anext(items, nothing)))) is not nothing:
            yield item


async def _made(kind: type[AsyncClient], *args: Any, **given: Any) -> AsyncClient:
    return kind(*args, **given)


async def _finished(awaitable: Any) -> Any:
    return await awaitable
