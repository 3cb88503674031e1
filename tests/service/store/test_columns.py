"""Floats, times and text in and out of columns."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta, timezone

import pytest
from service_support import make_spec
from sqlalchemy import text

from service.operations.submit import new_sweep, runnable
from service.store import sweeps
from service.store.columns import decode, encode
from service.store.database import Database


@pytest.mark.parametrize("number", [None, 0.0, 1.5, math.nan, math.inf, -math.inf])
def test_floats_come_back(number: float | None) -> None:
    stored, code = encode(number)
    assert stored is None or math.isfinite(stored)
    assert repr(decode(stored, code)) == repr(number)


def test_absent_is_not_nan() -> None:
    assert encode(None) == (None, None)
    assert encode(math.nan) == (None, "nan")


def test_times_are_utc_and_nul_is_replaced(database: Database) -> None:
    east = datetime(2026, 11, 20, 14, 30, 0, 123456, timezone(timedelta(hours=2)))
    row = new_sweep(runnable(make_spec()), east)
    row.message = "a\x00b"
    with database.write() as session:
        session.add(row)
    with database.read() as session:
        found = sweeps.find(session, row.id)
        assert found.created_at == east
        assert found.created_at.tzinfo is UTC
        assert found.message == "a\ufffdb"
        assert found.started_at is None
        raw = session.execute(text("SELECT created_at FROM sweeps")).scalar_one()
    # PostgreSQL gives a time of its own, SQLite the text.
    assert str(raw) == "2026-11-20 12:30:00.123456"
