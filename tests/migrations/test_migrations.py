"""Migrations: up, compare with the tables, down, with data in. On both databases."""

from __future__ import annotations

import math
import os
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from service_support import (
    Writer,
    applied,
    asked,
    ended,
    make_offer,
    make_report,
    make_settings,
    make_spec,
    reported,
    started,
)
from sqlalchemy import MetaData, inspect, select

from service.clock import Terms, now
from service.migrate import config, upgrade
from service.operations import command as commands
from service.operations.claim import claim
from service.operations.record import record
from service.operations.submit import submit
from service.store import sweep_views
from service.store.database import Database
from service.store.tables import Base, SweepRow

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(params=["sqlite", "postgresql"])
def database(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Database]:
    """Without tables."""
    with ExitStack() as stack:
        url = make_settings(tmp_path).database_url
        if request.param == "postgresql":
            url = stack.enter_context(request.getfixturevalue("postgres").bare())
        found = Database(url)
        yield found
        found.close()


def revisions(database: Database) -> list[str]:
    """All, the first one first."""
    scripts = ScriptDirectory.from_config(config(database))
    return [script.revision for script in scripts.walk_revisions()][::-1]


def fill(database: Database) -> None:
    """A row in every table."""
    spec = make_spec()
    spec["metadata"]["labels"] = {"team": "nlp"}
    with database.write() as session:
        sweep, _ = submit(session, spec, "k", now())
        claim(session, make_offer(), Terms(now(), 30, 5))
        bodies = [asked(0), started(0), reported(0, make_report(1, math.nan)), ended(0)]
        bodies += [asked(1), started(1), applied("mine", "stop_trial", 1)]
        lines = Writer().entries(*bodies)
        record(session, sweep.id, 1, lines, now())
        commands.pause(session, sweep.id, now())
    with database.read() as session:
        for table in Base.metadata.sorted_tables:
            assert session.execute(select(table)).first() is not None, table.name


def differences(database: Database) -> list[object]:
    with database.engine.connect() as wire:
        options = {"compare_type": True, "compare_server_default": True}
        context = MigrationContext.configure(wire, opts=options)
        return list(compare_metadata(context, Base.metadata))


def test_there_is_one_line_of_migrations(database: Database) -> None:
    scripts = ScriptDirectory.from_config(config(database))
    assert len(scripts.get_heads()) == 1
    for script in scripts.walk_revisions():
        assert Path(script.path).stem == script.revision


def test_up_gives_the_tables_of_the_code(database: Database) -> None:
    upgrade(database)
    assert differences(database) == []


def test_every_step_down_and_up_again_with_data(database: Database) -> None:
    upgrade(database)
    fill(database)
    scripts = ScriptDirectory.from_config(config(database))
    for script in scripts.walk_revisions():
        down = script.down_revision
        command.downgrade(config(database), str(down) if down else "base")
        upgrade(database, script.revision)
    upgrade(database)
    assert differences(database) == []
    command.downgrade(config(database), "base")
    assert inspect(database.engine).get_table_names() == ["alembic_version"]
    upgrade(database)
    fill(database)


def rows(database: Database) -> dict[str, list[dict[str, Any]]]:
    """What is stored in the tables that there are now, whatever the code thinks they should be."""
    found = MetaData()
    found.reflect(database.engine)
    with database.engine.connect() as wire:
        return {
            table.name: [dict(row) for row in wire.execute(select(table)).mappings()]
            for table in found.sorted_tables
            if table.name != "alembic_version"
        }


# What an older revision has no place for.
LOST = {"claimed_commands"}
LOST_TABLES = {"costs"}


def kept(stored: dict[str, list[dict[str, Any]]]) -> dict[str, list[dict[str, Any]]]:
    return {
        table: [{name: value for name, value in row.items() if name not in LOST} for row in found]
        for table, found in stored.items()
        if table not in LOST_TABLES
    }


def test_data_of_every_revision_comes_through(database: Database) -> None:
    """Down to a revision with data, then up: as good as new. Up and down: nothing is changed."""
    upgrade(database)
    fill(database)
    new = kept(rows(database))
    for revision in revisions(database)[::-1]:
        command.downgrade(config(database), revision)
        old = rows(database)
        assert all(old.values()), "a table is empty"
        upgrade(database)
        assert kept(rows(database)) == new
        command.downgrade(config(database), revision)
        assert rows(database) == old
        upgrade(database)
    with database.write() as session:
        # The code works with it.
        (sweep,) = session.scalars(select(SweepRow))
        assert sweep_views.detail(session, sweep, Terms(now(), 30, 5)).labels == {"team": "nlp"}
        last = Writer(sweep.journal_seq).entries(asked(2), started(2), ended(2))
        record(session, sweep.id, 1, last, now())


def test_two_that_migrate_at_once(database: Database) -> None:
    """One after the other: the second finds nothing left to do."""
    url = database.engine.url.render_as_string(hide_password=False)

    def work(_: int) -> None:
        done = subprocess.run(
            [sys.executable, "-m", "service.migrate"],
            cwd=ROOT,
            env={**os.environ, "SWEEP_DATABASE_URL": url},
            capture_output=True,
            text=True,
            timeout=120,
        )
        assert (done.returncode, done.stderr) == (0, "")

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(work, range(2)))
    assert differences(database) == []
