"""Migrations: up, compare with the tables, down, with data in."""

from __future__ import annotations

from pathlib import Path

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from service_support import (
    Writer,
    asked,
    ended,
    make_offer,
    make_report,
    make_settings,
    make_spec,
    reported,
    started,
)
from sqlalchemy import inspect, select

from service.clock import Terms, now
from service.migrate import config, upgrade
from service.operations import command as commands
from service.operations.claim import claim
from service.operations.record import record
from service.operations.submit import submit
from service.store.database import Database
from service.store.tables import Base


@pytest.fixture
def database(tmp_path: Path) -> Database:
    """An empty file."""
    return Database(make_settings(tmp_path).database_url)


def fill(database: Database) -> None:
    """A row in every table."""
    with database.write() as session:
        sweep, _ = submit(session, make_spec(), "k", now())
        claim(session, make_offer(), Terms(now(), 30, 5))
        lines = Writer().entries(asked(0), started(0), reported(0, make_report(1)), ended(0))
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
    assert differences(database) == []
    command.downgrade(config(database), "base")
    assert inspect(database.engine).get_table_names() == ["alembic_version"]
    upgrade(database)
    fill(database)
    database.close()
