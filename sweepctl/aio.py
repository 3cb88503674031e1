"""`sweepctl.AsyncClient`: `sweepctl.Client` for asyncio."""

from __future__ import annotations

import asyncio

import service.aio
from service.schemas import SweepDetail
from sweepctl import frames
from sweepctl.scripted import Located, Patience, SpecSource, SweepRef, document, id_of


class AsyncClient(Located, service.aio.AsyncClient):
    """`Client`, its methods as coroutines and async iterators. Use it in `async with`.

    Finds the service and raises as `Client` does. One client belongs to one event loop.
    """

    async def create(self, spec: SpecSource, key: str | None = None) -> SweepDetail:
        """Submit a spec, as `Client.create` does."""
        return await self.create_sweep(document(spec, self._target), key)

    async def wait(self, sweep: SweepRef, timeout: float | None = None) -> SweepDetail:
        """The sweep, once it has ended, as `Client.wait` gives it."""
        patience = Patience(timeout)
        while (left := patience.after(seen := await self.get_sweep(id_of(sweep)))) is not None:
            await asyncio.sleep(left)
        return seen

    async def trials_frame(self, sweep: SweepRef) -> frames.Frame:
        """One row a trial: see `sweepctl.frames.trials_frame`."""
        return frames.trials_frame([one async for one in self.every_trial(id_of(sweep))])

    async def curves(self, sweep: SweepRef) -> frames.Frame:
        """One row a report: see `sweepctl.frames.curves_frame`."""
        return frames.curves_frame([one async for one in self.every_report(id_of(sweep))])
