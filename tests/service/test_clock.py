"""Times in and out of text."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from service.clock import Terms, moment, now, stamp

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
