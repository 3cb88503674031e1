"""Times in and out of text."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from service.clock import Clock, Terms, moment, now, stamp

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)


def test_a_stamp_reads_back() -> None:
    assert stamp(NOON) == "2026-11-20T12:00:00.000Z"
    assert moment(stamp(NOON), now()) == NOON


@pytest.mark.parametrize("text", ["", "noon", "2026-11-20T12:00:00", "0001-01-01T00:00:00+14:00"])
def test_what_cannot_be_read_is_replaced(text: str) -> None:
    assert moment(text, NOON) == NOON


def test_terms() -> None:
    terms = Terms(NOON, 30.0, 5.0)
    assert (terms.until - NOON).total_seconds() == 30
    assert (NOON - terms.alive_since).total_seconds() == 30


def test_a_clock_is_set_by_another() -> None:
    wrong = Clock(wall=lambda: NOON)
    wrong.set_by(lambda: None)
    assert wrong.now() == NOON
    wrong.set_by(lambda: NOON + timedelta(hours=1))
    assert wrong.now() == NOON + timedelta(hours=1)
    wrong.set_by(lambda: NOON - timedelta(hours=1))
    assert wrong.now() == NOON - timedelta(hours=1)


def test_what_asking_takes_counts_by_half() -> None:
    ticks = iter([NOON, NOON + timedelta(seconds=4)])
    slow = Clock(wall=lambda: next(ticks, NOON))
    slow.set_by(lambda: NOON)
    assert slow.now() == NOON - timedelta(seconds=2)
