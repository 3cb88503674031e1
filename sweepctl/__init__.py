"""sweepctl: hyperparameter sweeps. The command line is `sweepctl.main`; a script imports from here.

    from sweepctl import Client

    with Client() as client:
        sweep = client.create(Path("sweep.yaml"))
        client.wait(sweep)
        print(client.result(sweep.id).recommendation)

Every error of a call is a `ServiceError`; `NotFound`, `Invalid`, `PreconditionFailed`,
`IllegalMove` and `Unreachable` are the kinds that a script meets.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from service.client import KEEP
    from service.errors import (
        IllegalMove,
        Invalid,
        NotFound,
        PreconditionFailed,
        ServiceError,
        Unreachable,
    )
    from sweepctl.aio import AsyncClient
    from sweepctl.client import Client

__all__ = [
    "KEEP",
    "AsyncClient",
    "Client",
    "IllegalMove",
    "Invalid",
    "NotFound",
    "PreconditionFailed",
    "ServiceError",
    "Unreachable",
]

_HOMES = {"AsyncClient": "sweepctl.aio", "Client": "sweepctl.client", "KEEP": "service.client"}


def __getattr__(name: str) -> Any:
    """Public names are loaded when they are asked for: a command needs few of them."""
    if name not in __all__:
        raise AttributeError(f"module 'sweepctl' has no attribute {name!r}")
    return getattr(import_module(_HOMES.get(name, "service.errors")), name)
