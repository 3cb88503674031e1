"""A sweep's events, read beside the drawing: both signals of every trial, and when to look again.

One open stream costs the service nothing while nothing happens, and its events carry the signals;
asking for reports every second would cost a request a second and bring the same.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping
from typing import Any

from service.client import Client
from service.schemas import Event

Curve = dict[int, float]


class Signals:
    """Loss and gradient norm by trial and decision point."""

    def __init__(self) -> None:
        self.loss: dict[int, Curve] = {}
        self.grad_norm: dict[int, Curve] = {}

    def take(self, event: Event) -> None:
        """Keep what a verdict's event says; other events say nothing of signals."""
        if event.type != "verdict":
            return
        for curves, name in ((self.loss, "loss"), (self.grad_norm, "grad_norm")):
            value = _number(event.data, name)
            if value is not None:
                curves.setdefault(event.data["number"], {})[event.data["point"]] = value


class Feed:
    """Reads the events in a thread of its own, from the first one on. Use it in `with`."""

    def __init__(self, client: Client, sweep_id: str) -> None:
        self.signals = Signals()
        self._client, self._sweep_id = client, sweep_id
        self._news, self._over = threading.Event(), threading.Event()
        self._error: Exception | None = None
        # A daemon: the command must end though the stream is silent.
        self._thread = threading.Thread(target=self._read, name="events", daemon=True)

    def __enter__(self) -> Feed:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()

    def wait(self, at_most: float) -> None:
        """Return when something happened, or after `at_most` seconds.

        Raises what the stream broke with.
        """
        self._news.wait(at_most)
        self._news.clear()
        if self._error is not None:
            raise self._error

    def finish(self, seconds: float) -> None:
        """Wait for the last event of a sweep that has ended."""
        self._thread.join(seconds)

    def _read(self) -> None:
        try:
            for event in self._client.events(self._sweep_id):
                if self._over.is_set():
                    return
                self.signals.take(event)
                self._news.set()
        # Raised again in `wait`, where the person sees it; once the block has ended, the client may
        # be closed under our hands, and nobody minds.
        except Exception as error:  # noqa: BLE001
            self._error = error
        self._news.set()


def _number(data: Mapping[str, Any], name: str) -> float | None:
    """Numbers that are not finite arrive as the wire's strings."""
    value = data.get(name)
    return None if value is None else float(value)
