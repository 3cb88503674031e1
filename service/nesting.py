"""How deep a JSON text is nested, found without parsing it: a parser recurses."""

from __future__ import annotations

import re

import numpy as np

_OPEN, _CLOSE, _QUOTE = b"[{", b"]}", b'"'
_REST = bytes(set(range(256)) - set(_OPEN + _CLOSE + _QUOTE))
# Brackets as +1 and -1 of a signed byte.
_STEPS = bytes.maketrans(_OPEN + _CLOSE, b"\x01\x01\xff\xff")
_ESCAPED = re.compile(rb"\\.", re.DOTALL)
_STRING = re.compile(rb'"[^"]*"')


def nested_deeper(text: bytes, limit: int) -> bool:
    """True when lists and objects in a JSON `text` are nested more than `limit` deep.

    What is no JSON gets an answer too; whoever parses it says what is wrong with it.
    """
    if text.count(b"[") + text.count(b"{") <= limit:
        return False
    # An escaped quote ends no string, so escapes go first; then strings, whose brackets are text.
    plain = _ESCAPED.sub(b"", text).translate(None, _REST)
    steps = np.frombuffer(_STRING.sub(b"", plain).translate(_STEPS, _QUOTE), dtype=np.int8)
    return bool(steps.size) and int(steps.cumsum(dtype=np.int64).max()) > limit
