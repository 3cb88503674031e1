"""Waiting for several sweeps at once. The rest of the client is tested in test_client.py."""

from __future__ import annotations

import asyncio

from asking import Service

from sweepctl import AsyncClient


def test_many_are_waited_for_together(service: Service) -> None:
    names = ["done", "failed", "cancelled"]

    async def main() -> list[str]:
        async with AsyncClient(service.url, service.user) as client:
            ends = (client.wait(service.sweeps[name], timeout=10) for name in names)
            return [end.state for end in await asyncio.gather(*ends)]

    assert asyncio.run(main()) == ["DONE", "FAILED", "CANCELLED"]


def test_one_that_does_not_end_holds_nobody_up(service: Service) -> None:
    async def main() -> list[object]:
        async with AsyncClient(service.url, service.user) as client:
            waits = (client.wait(service.sweeps[name], timeout=0.5) for name in ("queued", "done"))
            return list(await asyncio.gather(*waits, return_exceptions=True))

    late, done = asyncio.run(main())
    assert isinstance(late, TimeoutError)
    assert getattr(done, "state", None) == "DONE"
