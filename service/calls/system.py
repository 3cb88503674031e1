"""The service itself: its pools, what a spec may say, and how it is."""

from __future__ import annotations

from typing import Any

from service.calls.asking import API, get
from service.exchange import Call, read_as, read_plain
from service.schemas import Health, PoolList


def pools() -> Call[PoolList]:
    """The pools with their agents."""
    return get(PoolList, "/pools")


def schema() -> Call[dict[str, Any]]:
    """The JSON Schema of specs."""
    return Call("GET", f"{API}/schema", read_plain, again=True)


def health() -> Call[Health]:
    """Whether the service runs."""
    return Call("GET", "/healthz", read_as(Health))


def ready() -> Call[Health]:
    """Whether its database is there and migrated. Raises Unavailable when not."""
    return Call("GET", "/readyz", read_as(Health))


def metrics() -> Call[str]:
    """What the service counts, in the text format of Prometheus."""
    return Call("GET", "/metrics", bytes.decode, again=True)
