"""The depth of a text is that of what it parses to."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.nesting import nested_deeper

TEXTS = st.text(alphabet='[]{}"\\,: a\u00e4\n', max_size=8)
LEAVES = st.none() | st.integers() | TEXTS
TREES = st.recursive(
    LEAVES, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3)
)


def depth(data: Any) -> int:
    if not isinstance(data, dict | list):
        return 0
    inner = data.values() if isinstance(data, dict) else data
    return 1 + max(map(depth, inner), default=0)


@given(TREES, st.integers(0, 6), st.booleans())
def test_as_the_parsed_data_say(tree: Any, limit: int, plain: bool) -> None:
    text = json.dumps(tree, ensure_ascii=plain).encode()
    assert nested_deeper(text, limit) == (depth(tree) > limit)


@given(st.binary(max_size=60))
def test_any_bytes_get_an_answer(text: bytes) -> None:
    assert nested_deeper(text, 0) in (True, False)


@pytest.mark.parametrize("part", [b"[", b"[]", b'"a",', b'"\\"",', b"{", b"\\"])
def test_eight_megabytes_are_looked_at_quickly(part: bytes) -> None:
    text = b"[" * 70 + part * (8_000_000 // len(part))
    began = time.process_time()
    assert nested_deeper(text, 64)
    assert time.process_time() - began < 3
