"""The typed client for asyncio: the methods of `service.client.Client` as coroutines.

Same names, arguments and errors; a listing is an async iterator. One client belongs to one loop.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Coroutine
from contextlib import aclosing
from typing import Any, Concatenate, ParamSpec, Self, TypeVar

import httpx

from service import calls
from service.errors import Unavailable, Unreachable
from service.exchange import Address, Call, Leaf, Tries, as_method, checked, flows
from service.schemas import Event
from service.watching import Watch

P = ParamSpec("P")
T = TypeVar("T")


class AsyncSender:
    """What the methods of `AsyncClient` are made of."""

    def __init__(
        self, base_url: str, token: str | None = None, timeout: float = 10.0, retries: int = 2
    ) -> None:
        self._address, self._retries = Address(base_url.rstrip("/"), token, timeout), retries
        with self._address.understood():
            self._http = httpx.AsyncClient(**self._address.options())

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def close(self) -> None:
        """Close the connections."""
        await self._http.aclose()

    async def send(self, call: Call[T]) -> T:
        """Send a call that `service.calls` describes. Raises as the synchronous client does."""
        tries, request = Tries(call, self._retries), self._request(call)
        while True:
            try:
                with self._address.reached():
                    answer = await self._http.send(request)
            except Unreachable as error:
                await asyncio.sleep(tries.failed(error))
            else:
                if not tries.passing(answer):
                    return call.read(checked(answer))
                await asyncio.sleep(tries.wait())

    async def _stream(self, call: Call[None], silence: float) -> httpx.Response | None:
        """The answer, not read yet; None when there is nothing more to come (204)."""
        request = self._request(call, timeout=self._address.patience(silence))
        with self._address.reached():
            answer = await self._http.send(request, stream=True)
            if flows(answer):
                return answer
            await answer.aread()
        checked(answer)
        return None

    async def _told(self, answer: httpx.Response) -> AsyncGenerator[bytes, None]:
        try:
            with self._address.reached():
                async for chunk in answer.aiter_bytes():
                    yield chunk
        finally:
            await answer.aclose()

    def _request(self, call: Call[Any], **more: Any) -> httpx.Request:
        with self._address.understood():
            return self._http.build_request(call.method, call.path, **call.parts(), **more)


def _awaited(
    describe: Callable[P, Call[T]],
) -> Callable[Concatenate[AsyncSender, P], Coroutine[Any, Any, T]]:
    """The coroutine that sends the call."""

    async def method(self: AsyncSender, /, *args: P.args, **kwargs: P.kwargs) -> T:
        return await self.send(describe(*args, **kwargs))

    return as_method(method, describe)


def _iterated(
    describe: Callable[P, Call[Leaf[T]]],
) -> Callable[Concatenate[AsyncSender, P], AsyncIterator[T]]:
    """The async iterator over a listing, sending a call for each page."""

    async def method(self: AsyncSender, /, *args: P.args, **kwargs: P.kwargs) -> AsyncIterator[T]:
        call: Call[Leaf[T]] | None = describe(*args, **kwargs)
        while call is not None:
            leaf = await self.send(call)
            for item in leaf.items:
                yield item
            call = leaf.following

    return as_method(method, describe)


class AsyncClient(AsyncSender):
    """Talks to one service from asyncio. `timeout` is in seconds for one exchange.

    It retries as `Client` does. Close it, or use it in `async with`.
    """

    create_sweep = _awaited(calls.create_sweep)
    plan = _awaited(calls.plan)
    list_sweeps = _awaited(calls.list_sweeps)
    every_sweep = _iterated(calls.every_sweep)
    get_sweep = _awaited(calls.get_sweep)
    patch_sweep = _awaited(calls.patch_sweep)
    result = _awaited(calls.result)
    report_pruning = _awaited(calls.report_pruning)
    pause = _awaited(calls.pause)
    resume = _awaited(calls.resume)
    cancel = _awaited(calls.cancel)
    retry_sweep = _awaited(calls.retry_sweep)

    list_trials = _awaited(calls.list_trials)
    every_trial = _iterated(calls.every_trial)
    get_trial = _awaited(calls.get_trial)
    why = _awaited(calls.why)
    stop_trial = _awaited(calls.stop_trial)
    retry_trial = _awaited(calls.retry_trial)
    list_reports = _awaited(calls.list_reports)
    every_report = _iterated(calls.every_report)

    claim = _awaited(calls.claim)
    renew = _awaited(calls.renew)
    release = _awaited(calls.release)
    journal = _awaited(calls.journal)
    entries = _iterated(calls.entries)
    append = _awaited(calls.append)
    past = _awaited(calls.past)
    costs = _awaited(calls.costs)
    finish = _awaited(calls.finish)

    pools = _awaited(calls.pools)
    schema = _awaited(calls.schema)
    health = _awaited(calls.health)
    ready = _awaited(calls.ready)
    metrics = _awaited(calls.metrics)

    async def events(
        self, sweep_id: str, last_event_id: int | None = None, silence: float = 60.0
    ) -> AsyncIterator[Event]:
        """The sweep's events, as `service.client.Client.events` gives them."""
        watch = Watch(sweep_id, last_event_id, self._retries)
        while True:
            broken: Unavailable | None = None
            try:
                stream = await self._stream(watch.call(), silence)
                if stream is None:
                    return
                async with aclosing(self._told(stream)) as chunks:
                    async for chunk in chunks:
                        for event in watch.read(chunk):
                            yield event
                        if watch.over:
                            return
            except Unavailable as error:
                broken = error
            await asyncio.sleep(watch.broke(broken))
