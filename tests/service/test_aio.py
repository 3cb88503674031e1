"""What asyncio adds: several waits at once, and streams that are left early.

What both clients do alike is in tests/contracts/test_clients.py.
"""

from __future__ import annotations

import asyncio
import time

from service_support import USER, Host, make_spec

from service.aio import AsyncClient
from service.client import Client


def test_many_sweeps_are_watched_at_once(host: Host, user: Client) -> None:
    names = [f"s{number}" for number in range(5)]

    async def watch(client: AsyncClient, name: str) -> list[str]:
        sweep = await client.create_sweep(make_spec(name))
        seen: list[str] = []
        async for event in client.events(sweep.id):
            if not seen:
                await client.cancel(sweep.id)
            if event.type == "sweep":
                seen.append(event.data["state"])
        return seen

    async def main() -> list[list[str]]:
        async with AsyncClient(host.url, USER) as client:
            return await asyncio.gather(*(watch(client, name) for name in names))

    assert asyncio.run(main()) == [["QUEUED", "CANCELLED"]] * 5
    assert {sweep.name for sweep in user.every_sweep("CANCELLED")} == set(names)


def test_a_stream_that_is_left_is_closed(host: Host) -> None:
    async def main() -> int:
        async with AsyncClient(host.url, USER) as client:
            sweep = await client.create_sweep(make_spec())
            for _ in range(3):
                events = client.events(sweep.id)
                await anext(events)
                await events.aclose()  # type: ignore[attr-defined]
            return len(client._http._transport._pool.connections)  # type: ignore[attr-defined]

    assert asyncio.run(main()) == 0


def test_waiting_for_an_answer_holds_nobody_up() -> None:
    """Retries sleep on the loop: two calls into nowhere take as long as one."""

    async def main() -> float:
        async with AsyncClient("http://127.0.0.1:9") as lost:
            begin = time.monotonic()
            calls = [lost.list_sweeps() for _ in range(4)]
            errors = await asyncio.gather(*calls, return_exceptions=True)
            assert {type(error).__name__ for error in errors} == {"Unreachable"}
            return time.monotonic() - begin

    assert asyncio.run(main()) < 4 * 0.6
