"""create_app: the routes, the error handler, and what runs beside them."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI
from fastapi.concurrency import run_in_threadpool
from sqlalchemy.exc import SQLAlchemyError

from service import context, problems
from service.answers import WireResponse
from service.context import Context
from service.errors import ServiceError
from service.middleware import BodyLimit, Measure
from service.migrate import fault
from service.openapi import describe
from service.operations import expire, summarise
from service.routes import events, health, journal, leases, pools, reports, sweeps, trials
from service.settings import Settings, SettingsError
from service.version import VERSION

log = logging.getLogger(__name__)


def create_app(settings: Settings | None = None) -> FastAPI:
    """The service as an ASGI app. Raises SettingsError when a token is missing.

    Its start fails with SettingsError on a database that is not at this version's migration.
    """
    held = context.make(settings or Settings())
    app = FastAPI(
        title="sweeps",
        version=VERSION,
        lifespan=_lifespan,
        redoc_url=None,
        default_response_class=WireResponse,
    )
    app.state.context = held
    problems.install(app)
    for part in (sweeps, events, journal, trials, reports, leases, pools, health):
        app.include_router(part.router)
    limits = held.settings.max_body_bytes, held.settings.max_journal_bytes
    app.add_middleware(BodyLimit, any_bytes=limits[0], journal_bytes=limits[1])
    app.add_middleware(Measure, metrics=held.metrics, log=held.settings.request_log)
    describe(app)
    return app


@asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[None]:
    held: Context = app.state.context
    found = await run_in_threadpool(fault, held.database)
    if found is not None:
        raise SettingsError(found)
    await run_in_threadpool(held.clock.set_by, held.database.moment)
    tasks = [asyncio.create_task(work(held)) for work in (_expire, _summarise)]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        held.database.close()


async def _expire(held: Context) -> None:
    """Close cancelled sweeps whose driver is gone, also when nobody asks; set the clock."""
    while True:
        await asyncio.sleep(held.settings.renew_seconds)
        async with held.gate:
            try:
                await run_in_threadpool(_expire_once, held)
            except SQLAlchemyError as error:
                log.warning("looking for expired leases failed, next time again: %s", error)


def _expire_once(held: Context) -> None:
    """Looks before it takes the write lock: nearly always there is nothing to do."""
    held.clock.set_by(held.database.moment)
    with held.database.read() as session:
        if not expire.due(session, held.clock.now()):
            return
    with held.database.write() as session:
        expire.close_abandoned(session, held.clock.now())


async def _summarise(held: Context) -> None:
    """Make the summaries that are missing, one after the other; folding them locks nothing."""
    made: summarise.Summary | None = None
    while True:
        await asyncio.sleep(0 if made else held.settings.renew_seconds)
        try:
            made = await run_in_threadpool(_made, held)
            if made is not None:
                async with held.gate:
                    await run_in_threadpool(_kept, held, made)
        except (SQLAlchemyError, ServiceError) as error:
            made = None
            log.warning("making a summary failed, next time again: %s", error)


def _made(held: Context) -> summarise.Summary | None:
    with held.database.read() as session:
        return summarise.make(session)


def _kept(held: Context, made: summarise.Summary) -> None:
    with held.database.write() as session:
        summarise.keep(session, made)
