"""Where journal entries go once they are written down."""

from __future__ import annotations

from typing import Protocol

from sweeps.journal import Entry


class Sink(Protocol):
    """Takes entries in order. A restarted driver replays the whole journal into its sinks."""

    def take(self, entry: Entry) -> None:
        """Queue one entry. Never blocks on a network, never raises."""
        ...

    def close(self, timeout: float) -> bool:
        """Write what is queued, at most `timeout` seconds. True when everything was written."""
        ...
