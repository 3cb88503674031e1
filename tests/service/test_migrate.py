"""Migrating by command, and what a database that does not fit is told."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from alembic.script import ScriptDirectory
from fastapi.testclient import TestClient
from service_support import make_settings, migrated

from service import migrate
from service.app import create_app
from service.settings import Settings, SettingsError
from service.store.database import Database

ROOT = Path(__file__).resolve().parents[2]


def test_the_command_migrates_and_can_be_repeated(tmp_path: Path) -> None:
    settings = make_settings(tmp_path / "a b%")
    (tmp_path / "a b%").mkdir()
    for _ in range(2):
        done = subprocess.run(
            [sys.executable, "-m", "service.migrate"],
            cwd=ROOT,
            env={**os.environ, "SWEEP_DATABASE_URL": settings.database_url},
            capture_output=True,
            text=True,
            timeout=120,
        )
        assert (done.returncode, done.stdout) == (0, ""), done.stderr
    database = Database(settings.database_url)
    assert migrate.fault(database) is None
    database.close()


def test_faults(tmp_path: Path) -> None:
    database = Database(make_settings(tmp_path).database_url)
    assert "no tables yet: run `python -m service.migrate`" in str(migrate.fault(database))
    migrate.upgrade(database)
    assert migrate.fault(database) is None
    with database.engine.begin() as wire:
        wire.exec_driver_sql("UPDATE alembic_version SET version_num = 'later'")
    assert "is at later, which is newer" in str(migrate.fault(database))
    database.close()
    # The command does not touch what a later version has made.
    with pytest.raises(migrate.NewerDatabaseError, match="is at later, which is newer"):
        migrate.upgrade(database)
    away = Database(f"sqlite:///{tmp_path}/no/such/folder/x.db")
    assert "does not answer" in str(migrate.fault(away))
    away.close()


def test_an_older_database_is_told_so(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """With one more migration in the folder, a database at today's last one is behind."""
    database = Database(settings.database_url)
    head = ScriptDirectory.from_config(migrate.config(database)).get_current_head()
    folder = tmp_path / "migrations"
    shutil.copytree(migrate.FOLDER / "versions", folder / "versions")
    (folder / "versions" / "next.py").write_text(f'revision = "next"\ndown_revision = "{head}"\n')
    monkeypatch.setattr(migrate, "FOLDER", folder)
    assert f"is at {head}, this version needs next" in str(migrate.fault(database))
    database.close()


@pytest.mark.parametrize("backend", ["sqlite", "postgresql"])
def test_a_newer_database_is_refused_in_one_line(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    database = Database(settings.database_url)
    with database.engine.begin() as wire:
        wire.exec_driver_sql("UPDATE alembic_version SET version_num = '2099_01_01_later'")
    monkeypatch.setenv("SWEEP_DATABASE_URL", settings.database_url)
    assert migrate.main() == 1
    assert capsys.readouterr().err == (
        "sweeps: the database is at 2099_01_01_later, which is newer than this version: "
        "install that version\n"
    )
    with pytest.raises(SettingsError, match="newer than this version"), hosted_once(settings):
        pass
    database.close()


def hosted_once(settings: Settings) -> TestClient:
    """The service, started and stopped by a `with`."""
    return TestClient(create_app(settings))


@pytest.mark.parametrize(
    "url", ["sqlite:////no/such/folder/x.db", "postgresql+psycopg://me:hunter2@127.0.0.1:1/none"]
)
def test_a_database_that_is_away_is_told_in_one_line(
    url: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("SWEEP_DATABASE_URL", url)
    assert migrate.main() == 1
    told = capsys.readouterr().err
    assert told.startswith("sweeps: the migration was not made: the database does not answer")
    assert "hunter2" not in told


def test_main_in_this_process(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = make_settings(tmp_path)
    monkeypatch.setenv("SWEEP_DATABASE_URL", settings.database_url)
    assert migrate.main() == 0
    assert migrated(settings) is settings
