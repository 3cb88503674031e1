"""The commands by which docs/operating.md backs up and restores, run as they stand there."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from running import ROOT
from service_support import make_settings, make_spec, migrated

from service.clock import now
from service.operations.submit import submit
from service.store import sweeps
from service.store.database import Database
from service.store.tables import SweepRow
from tests.support.pages import blocks

PAGE = (ROOT / "docs" / "operating.md").read_text("utf-8")


def command(words: str) -> str:
    """The one block of the page that begins so."""
    (found,) = [block for block in blocks(PAGE, "") if block.startswith(words)]
    return found


def run(line: str, folder: Path, **environment: str) -> None:
    """In a shell, with our Python as `python`."""
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    env = {**os.environ, "PATH": path, **environment}
    done = subprocess.run(
        ["bash", "-euc", line], cwd=folder, env=env, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, f"{line}: {done.stderr}"


def names(database: Database) -> list[str]:
    with database.read() as session:
        return sorted(row.name for row in session.query(SweepRow))


def add(database: Database, name: str) -> None:
    with database.write() as session:
        row, _ = submit(session, make_spec(name), None, now())
        assert sweeps.find(session, row.id).name == name


def test_sqlite(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/service.db"
    database = Database(migrated(make_settings(tmp_path, database_url=url)).database_url)
    add(database, "before")
    with database.write() as session:
        # A writer is under way: the backup does not wait for it, and has nothing of it.
        submit(session, make_spec("meanwhile"), None, now())
        run(command("python -c"), tmp_path)
    add(database, "after")
    database.close()
    run(command("rm -f service.db"), tmp_path)
    database = Database(url)
    assert names(database) == ["before"]
    add(database, "again")
    database.close()


def test_postgresql(tmp_path: Path) -> None:
    server = pytest.importorskip("postgres", reason="PostgreSQL is not installed here")
    with server.running() as postgres, postgres.empty() as url:
        environment = {
            "PATH": os.pathsep.join([str(postgres.tools), os.environ["PATH"]]),
            "DATABASE": url.replace("+psycopg", ""),
        }
        database = Database(url)
        add(database, "before")
        run(command("pg_dump"), tmp_path, **environment)
        add(database, "after")
        assert names(database) == ["after", "before"]
        database.close()
        run(command("pg_restore"), tmp_path, **environment)
        database = Database(url)
        assert names(database) == ["before"]
        add(database, "again")
        database.close()
