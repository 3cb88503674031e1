"""Cursors are ours or refused."""

from __future__ import annotations

import base64
import json
import math
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.errors import BadRequest
from service.store.cursors import bound, pack, unpack

NOON = datetime(2026, 11, 20, 12, 0, 0, 7, tzinfo=UTC)
HERE = bound(list="sweeps", sort="name")
TEXTS = st.text(st.characters(codec="ascii", min_codepoint=32, max_codepoint=126))
FLOATS = st.none() | st.floats(allow_nan=False, allow_infinity=False)
NUMBERS = st.integers(-(2**63), 2**63 - 1)


@given(FLOATS, NUMBERS, TEXTS)
def test_there_and_back(value: float | None, number: int, text: str) -> None:
    key = [value, number, text, NOON]
    assert unpack(HERE, pack(HERE, key), [float, int, str, datetime]) == key


def test_bound_to_what_decides_the_order() -> None:
    assert bound(a=1, b=["x"]) == bound(b=["x"], a=1)
    assert len({bound(a=1), bound(a=2), bound(b=1), bound(a=[1]), bound()}) == 5
    with pytest.raises(BadRequest, match="another list, filter or sort"):
        unpack(bound(list="trials"), pack(HERE, [1]), [int])


def raw(data: Any) -> str:
    return base64.urlsafe_b64encode(json.dumps(data).encode()).decode()


@pytest.mark.parametrize(
    "cursor",
    [
        *("", "x", "not base64!", "\u00e4", "AAAA", raw({}), raw([]), raw("x"), raw([None])),
        *(raw([HERE]), raw([HERE, "x", "swp", 1]), raw([HERE, None, "swp"]), raw([HERE, 1, "swp"])),
        *(raw([HERE, "x", "swp"]), raw([HERE, NOON.isoformat(), 1]), raw([HERE, [], {}])),
        *(raw([HERE, "2026-11-20T12:00:00", "swp"]), raw([HERE, "0001-01-01T00:00:00+14:00", "s"])),
        *(raw([HERE, NOON.isoformat(), "\ud800"]), raw([HERE, NOON.isoformat(), "a\x00"])),
        *(raw([HERE, math.nan, 1]), raw([HERE, 1.5, True]), raw([HERE, 1.5, 2**63])),
        *(raw([HERE, 10**400, 1]), raw([HERE, "1", 1]), raw([HERE, True, 1])),
    ],
)
def test_others_are_refused(cursor: str) -> None:
    for kinds in ((datetime, str), (float, int), (int, int)):
        with pytest.raises(BadRequest, match="cursor"):
            unpack(HERE, cursor, kinds)


@given(st.text())
def test_no_text_breaks_it(cursor: str) -> None:
    with pytest.raises(BadRequest):
        unpack(HERE, cursor, [int])
