"""Watch several sweeps at once, one line an event, until all of them have ended.

    python docs/examples/watch.py [SWEEP_ID ...]

Without ids: every sweep that waits or runs.
"""

from __future__ import annotations

import asyncio
import sys

from sweepctl import AsyncClient


async def follow(client: AsyncClient, sweep_id: str) -> str:
    """Print a sweep's events as they happen; its last state."""
    name, state = (await client.get_sweep(sweep_id)).name, ""
    async for event in client.events(sweep_id):
        data = event.data
        if event.type == "sweep":
            state = data["state"]
            print(f"{name}: {state} {data['message']}", flush=True)
        elif event.type == "verdict":
            print(f"{name}/{data['number']}: {data['samples']} samples, {data['action']}")
        elif event.type == "trial":
            print(f"{name}/{data['number']}: {data['state']}")
    return f"{name} {state}"


async def main(ids: list[str]) -> None:
    """Watch all of them."""
    async with AsyncClient() as client:
        if not ids:
            ids = [sweep.id async for sweep in client.every_sweep(["QUEUED", "RUNNING"])]
        ends = await asyncio.gather(*(follow(client, sweep_id) for sweep_id in ids))
        print("ended:", ", ".join(ends))


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1:]))
