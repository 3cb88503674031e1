"""A real service on loopback for tests, and what its clients send."""

from __future__ import annotations

import math
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import uvicorn

from service.app import create_app
from service.client import Client
from service.migrate import upgrade
from service.schemas import ClaimRequest, Lease
from service.settings import Settings
from service.store.database import Database
from sweeps.journal import (
    Asked,
    AttemptEnded,
    AttemptStarted,
    Body,
    CommandApplied,
    Entry,
    Reported,
)
from sweeps.lifecycle import AttemptEnd, StopReason
from sweeps.trial import GO_ON, Action, Report, Spread, Verdict, Window

USER, AGENT = "user-token", "agent-token"


def make_settings(folder: Path, **changes: Any) -> Settings:
    """Settings of a service whose database lies in `folder`."""
    url = f"sqlite:///{folder}/sweeps.db"
    given = {"database_url": url, "user_token": USER, "agent_token": AGENT, **changes}
    return Settings.model_validate(given)


def migrated(settings: Settings) -> Settings:
    """The same settings, their database migrated."""
    database = Database(settings.database_url)
    upgrade(database)
    database.close()
    return settings


class Host:
    """A service under uvicorn in a thread of this process."""

    def __init__(self, settings: Settings, port: int = 0) -> None:
        self.settings = settings
        self.app = create_app(settings)
        self.socket = socket.socket()
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.socket.bind(("127.0.0.1", port))
        self.url = f"http://127.0.0.1:{self.socket.getsockname()[1]}"
        config = uvicorn.Config(self.app, log_level="warning", timeout_graceful_shutdown=2)
        self.server = uvicorn.Server(config)
        self.thread = threading.Thread(target=self.server.run, args=([self.socket],))

    def start(self) -> None:
        """Returns when requests are answered."""
        self.thread.start()
        until(lambda: self.server.started or not self.thread.is_alive())
        assert self.server.started, "the service did not start"

    def stop(self) -> None:
        """Returns when the thread has ended."""
        self.server.should_exit = True
        self.thread.join(20)
        assert not self.thread.is_alive()
        self.socket.close()

    def client(self, token: str | None = USER, **given: Any) -> Client:
        """A client of this service."""
        return Client(self.url, token, **given)


@contextmanager
def hosted(settings: Settings, port: int = 0) -> Iterator[Host]:
    """A host that runs inside the block, on a free port unless one is given."""
    host = Host(settings, port)
    host.start()
    try:
        yield host
    finally:
        if host.thread.is_alive():
            host.stop()


def until(true: Any, seconds: float = 20.0) -> None:
    """Poll until `true()` holds; fails after `seconds`."""
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, "it did not come true in time"
        time.sleep(0.01)


def make_spec(name: str = "toy", pool: str = "default", **changes: Any) -> dict[str, Any]:
    """A small sweep as a user writes it; `changes` replace keys of its spec block."""
    body: dict[str, Any] = {
        "workload": {"recipe": "toy"},
        "parameters": {"learning_rate": {"values": [0.1, 0.2, 0.5]}},
        "method": {"type": "grid"},
        "metric": {"name": "eval_loss", "goal": "minimize"},
        "horizon": {"samples": 320},
        "report": {"points": 5},
        "evaluation": {"every_points": 1},
        "pruning": {"type": "never"},
        "resources": {"pool": pool},
        **changes,
    }
    return {"apiVersion": "sweeps/v1", "kind": "Sweep", "metadata": {"name": name}, "spec": body}


def make_offer(agent: str = "box", pool: str = "default", **changes: Any) -> ClaimRequest:
    """What an agent sends to claim."""
    given = {"agent": agent, "pool": pool, "slots": 4, "recipes": ["toy"], **changes}
    return ClaimRequest.model_validate(given)


def take(client: Client, **changes: Any) -> Lease:
    """Claim; fails when there is nothing."""
    lease = client.claim(make_offer(**changes))
    assert lease is not None
    return lease


def make_report(
    point: int, loss: float = 1.0, norm: float | None = 0.5, **metrics: float
) -> Report:
    """A report with plain numbers."""
    spread = {"first": loss, "last": loss, "min": loss, "max": loss, "median": loss, "mad": 0.0}
    window = Window(
        steps=2,
        loss=Spread(value=loss, **spread),
        grad_norm=None if norm is None else Spread(value=norm, **spread),
        spikes=0,
        non_finite=0 if math.isfinite(loss) else 1,
        unchanged=0,
        learning_rate=0.1,
        tokens=100,
    )
    return Report(point=point, samples=64 * point, step=4 * point, window=window, metrics=metrics)


STOP = Verdict(action=Action.STOP, reason="median", message="It was worse than the median.")


class Writer:
    """Makes journal entries with the right seq."""

    def __init__(self, seq: int = 0) -> None:
        self.seq = seq

    def entry(self, body: Body) -> Entry:
        """The next entry."""
        self.seq += 1
        return Entry(seq=self.seq, at="2026-11-20T12:00:00.000Z", body=body)

    def entries(self, *bodies: Body) -> list[Entry]:
        """The next entries."""
        return [self.entry(body) for body in bodies]


def asked(trial: int, **params: Any) -> Body:
    """A trial was asked."""
    return Asked(trial=trial, params=params or {"learning_rate": 0.1})


def started(trial: int, attempt: int = 1) -> Body:
    """An attempt started."""
    return AttemptStarted(trial=trial, attempt=attempt)


def reported(trial: int, report: Report, verdict: Verdict = GO_ON, attempt: int = 1) -> Body:
    """A report came."""
    return Reported(trial=trial, attempt=attempt, report=report, verdict=verdict)


def ended(trial: int, reason: AttemptEnd = AttemptEnd.FINISHED, **more: Any) -> Body:
    """An attempt ended."""
    given = {"trial": trial, "attempt": 1, "reason": reason, **more}
    return AttemptEnded.model_validate(given)


def applied(command: str, kind: str, trial: int | None = None) -> Body:
    """A command took effect."""
    given = {"command": command, "kind": kind, "trial": trial}
    return CommandApplied.model_validate(given)


PRUNED = {"reason": AttemptEnd.STOPPED, "stop_reason": StopReason.PRUNED}
