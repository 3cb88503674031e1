"""The typed client: the only door to the service for the CLI and the workers.

Every route is a method, described in `service.calls`. An error of the service is raised here as
the same class of `service.errors`; `Unreachable` means that no answer came.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Concatenate, ParamSpec, Self, TypeVar

from service import calls
from service.calls import KEEP as KEEP  # for `patch_sweep`
from service.calls import Keep as Keep
from service.errors import Unavailable
from service.exchange import Address, Call, Leaf, as_method
from service.schemas import Event
from service.transport import Transport
from service.watching import Watch

P = ParamSpec("P")
T = TypeVar("T")


class Sender:
    """What the methods of `Client` are made of."""

    def __init__(
        self, base_url: str, token: str | None = None, timeout: float = 10.0, retries: int = 2
    ) -> None:
        address = Address(base_url.rstrip("/"), token, timeout)
        self._wire, self._retries = Transport(address, retries), retries

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections."""
        self._wire.close()

    def send(self, call: Call[T]) -> T:
        """Send a call that `service.calls` describes."""
        return self._wire.send(call)


def _sent(describe: Callable[P, Call[T]]) -> Callable[Concatenate[Sender, P], T]:
    """The method that sends the call."""

    def method(self: Sender, /, *args: P.args, **kwargs: P.kwargs) -> T:
        return self.send(describe(*args, **kwargs))

    return as_method(method, describe)


def _turned(
    describe: Callable[P, Call[Leaf[T]]],
) -> Callable[Concatenate[Sender, P], Iterator[T]]:
    """The method that walks a listing, sending a call for each page."""

    def method(self: Sender, /, *args: P.args, **kwargs: P.kwargs) -> Iterator[T]:
        call: Call[Leaf[T]] | None = describe(*args, **kwargs)
        while call is not None:
            leaf = self.send(call)
            yield from leaf.items
            call = leaf.following

    return as_method(method, describe)


class Client(Sender):
    """Talks to one service. `timeout` is in seconds for one exchange.

    Reads, deletes and `create_sweep` (which carries an Idempotency-Key) are tried `retries` more
    times when no answer comes; other calls are never repeated. Close it, or use it in `with`.
    """

    create_sweep = _sent(calls.create_sweep)
    plan = _sent(calls.plan)
    list_sweeps = _sent(calls.list_sweeps)
    every_sweep = _turned(calls.every_sweep)
    get_sweep = _sent(calls.get_sweep)
    patch_sweep = _sent(calls.patch_sweep)
    result = _sent(calls.result)
    report_pruning = _sent(calls.report_pruning)
    pause = _sent(calls.pause)
    resume = _sent(calls.resume)
    cancel = _sent(calls.cancel)
    retry_sweep = _sent(calls.retry_sweep)

    list_trials = _sent(calls.list_trials)
    every_trial = _turned(calls.every_trial)
    get_trial = _sent(calls.get_trial)
    why = _sent(calls.why)
    stop_trial = _sent(calls.stop_trial)
    retry_trial = _sent(calls.retry_trial)
    list_reports = _sent(calls.list_reports)
    every_report = _turned(calls.every_report)

    claim = _sent(calls.claim)
    renew = _sent(calls.renew)
    release = _sent(calls.release)
    journal = _sent(calls.journal)
    entries = _turned(calls.entries)
    append = _sent(calls.append)
    past = _sent(calls.past)
    costs = _sent(calls.costs)
    finish = _sent(calls.finish)

    pools = _sent(calls.pools)
    schema = _sent(calls.schema)
    health = _sent(calls.health)
    ready = _sent(calls.ready)
    metrics = _sent(calls.metrics)

    def events(
        self, sweep_id: str, last_event_id: int | None = None, silence: float = 60.0
    ) -> Iterator[Event]:
        """The sweep's events after `last_event_id` (None: all), then each as it happens.

        Ends after the event whose `last` is true. A broken stream is taken up again where it
        ended; Unreachable is raised when that brings nothing `retries` times in a row.
        `silence` is the longest wait for a byte in seconds; the service sends one more often.
        """
        watch = Watch(sweep_id, last_event_id, self._retries)
        while True:
            broken: Unavailable | None = None
            try:
                stream = self._wire.stream(watch.call(), silence)
                if stream is None:
                    return
                for chunk in stream:
                    yield from watch.read(chunk)
                    if watch.over:
                        return
            except Unavailable as error:
                broken = error
            time.sleep(watch.broke(broken))
