"""Migrating by command, and what a database that does not fit is told."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from service_support import make_settings, migrated

from service import migrate
from service.settings import Settings
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
    away = Database(f"sqlite:///{tmp_path}/no/such/folder/x.db")
    assert "does not answer" in str(migrate.fault(away))
    away.close()


def test_an_older_database_is_told_so(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """With a second migration in the folder, a database at the first is behind."""
    folder = tmp_path / "migrations"
    (folder / "versions").mkdir(parents=True)
    first = next((migrate.FOLDER / "versions").glob("*first.py")).read_text()
    (folder / "versions" / "a.py").write_text(first)
    (folder / "versions" / "b.py").write_text(
        'revision = "second"\ndown_revision = "2026_11_20_first"\n'
    )
    database = Database(settings.database_url)
    monkeypatch.setattr(migrate, "FOLDER", folder)
    found = str(migrate.fault(database))
    assert "is at 2026_11_20_first, this version needs second" in found
    database.close()


def test_main_in_this_process(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = make_settings(tmp_path)
    monkeypatch.setenv("SWEEP_DATABASE_URL", settings.database_url)
    assert migrate.main() == 0
    assert migrated(settings) is settings
