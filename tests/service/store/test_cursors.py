"""Cursors are ours or refused."""

from __future__ import annotations

import base64
import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.errors import BadRequest
from service.store.cursors import pack, unpack_sweep, unpack_trial

NOON = datetime(2026, 11, 20, 12, 0, 0, 7, tzinfo=UTC)


def test_there_and_back() -> None:
    assert unpack_sweep(pack(NOON.isoformat(), "swp_x")) == (NOON, "swp_x")
    assert unpack_trial(pack(17)) == 17


def raw(data: Any) -> str:
    return base64.urlsafe_b64encode(json.dumps(data).encode()).decode()


@pytest.mark.parametrize(
    "cursor",
    [
        *("", "x", "not base64!", "\u00e4", "AAAA", raw({}), raw([]), raw("x"), raw([None])),
        *(raw(["x", "swp"]), raw([NOON.isoformat()]), raw([NOON.isoformat(), 1]), raw([1, 2])),
        *(raw(["2026-11-20T12:00:00", "swp"]), raw(["0001-01-01T00:00:00+14:00", "swp"])),
        *(raw([True]), raw([-1]), raw([2**63]), raw([1.5])),
    ],
)
def test_others_are_refused(cursor: str) -> None:
    for unpack in (unpack_sweep, unpack_trial):
        with pytest.raises(BadRequest, match="cursor"):
            unpack(cursor)


@given(st.text())
def test_no_text_breaks_it(cursor: str) -> None:
    with pytest.raises(BadRequest):
        unpack_sweep(cursor)
