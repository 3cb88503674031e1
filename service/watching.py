"""A sweep's events as both clients read them: from bytes, and on from where a stream broke."""

from __future__ import annotations

from collections.abc import Iterator

from service.calls import watch_sweep
from service.errors import Unavailable, Unreachable
from service.exchange import Call, pause, read_as
from service.schemas import Event


class Watch:
    """The state of one watch: what was seen last, and how often a stream may still break.

    The client opens a stream for `call()`, gives its chunks to `read` and calls `broke` when it
    ended, until `over`. A stream that brings an event gives all `retries` back.
    """

    def __init__(self, sweep_id: str, last_event_id: int | None, retries: int) -> None:
        self._sweep_id, self._after = sweep_id, last_event_id
        self._retries = self._left = retries
        self._lines = Lines()
        self._data: list[bytes] = []
        self.over = False

    def call(self) -> Call[None]:
        """The request for a stream from here on."""
        self._lines, self._data = Lines(), []
        return watch_sweep(self._sweep_id, self._after)

    def read(self, chunk: bytes) -> Iterator[Event]:
        """The events that these bytes complete; nothing is read behind the last one."""
        for line in self._lines.feed(chunk):
            event = None if self.over else self._event(line)
            if event is not None:
                self._left, self._after = self._retries, event.id
                self.over = event.last
                yield event

    def broke(self, error: Unavailable | None = None) -> float:
        """Seconds to wait before the next stream. Raises when no try is left: `error`, else
        Unreachable."""
        if not self._left:
            what = f"the events of {self._sweep_id} end before the sweep does"
            raise error or Unreachable(what)
        self._left -= 1
        return pause(self._retries - self._left - 1)

    def _event(self, line: bytes) -> Event | None:
        """Comments and all fields but `data` are passed over."""
        if line.startswith(b"data:"):
            self._data.append(line[5:].removeprefix(b" "))
        elif not line and self._data:
            data, self._data = b"\n".join(self._data), []
            return read_as(Event)(data)
        return None


class Lines:
    """Lines at \\n alone: httpx's own splitter also cuts at U+2028, which JSON may hold."""

    def __init__(self) -> None:
        self._rest = b""

    def feed(self, chunk: bytes) -> Iterator[bytes]:
        """The lines that these bytes complete."""
        *whole, self._rest = (self._rest + chunk).split(b"\n")
        yield from (line.rstrip(b"\r") for line in whole)
