"""Opaque page cursors: the key of the last row shown and a digest of the query it was made for."""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from service.errors import BadRequest

_BAD = "the cursor is not one that this list gave; start again without it"
_OTHER = "the cursor was made for another list, filter or sort; keep those, or start without it"
Value = str | int | float | datetime | None


def bound(**query: object) -> str:
    """What a cursor is bound to: equal for queries that ask for the same items in one order."""
    text = json.dumps(query, sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def pack(digest: str, key: Sequence[Value]) -> str:
    """A key as a cursor."""
    plain = [value.isoformat() if isinstance(value, datetime) else value for value in key]
    text = json.dumps([digest, *plain], separators=(",", ":"), allow_nan=False)
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def unpack(digest: str, cursor: str, kinds: Sequence[type]) -> list[Any]:
    """The key in a cursor, its parts of these kinds; a kind of float may also be None.

    Raises BadRequest for what `pack` did not make, or made for another digest.
    """
    found = _unpack(cursor)
    if not isinstance(found, list) or not found or not isinstance(found[0], str):
        raise BadRequest(_BAD)
    if found[0] != digest:
        raise BadRequest(_OTHER)
    try:
        return [_read(value, kind) for value, kind in zip(found[1:], kinds, strict=True)]
    except (TypeError, ValueError, OverflowError) as error:
        raise BadRequest(_BAD) from error


def _read(value: Any, kind: type) -> Value:
    """A part of a key, as `pack` was given it. Raises TypeError, ValueError, OverflowError."""
    if kind is datetime:
        moment = datetime.fromisoformat(value)
        if moment.tzinfo is None or moment.year in (1, 9999):
            raise ValueError("no moment of ours")
        return moment
    if kind is float:
        if value is not None and type(value) not in (int, float):
            raise TypeError("not of this kind")
        return None if value is None else float(value)
    return _number(value) if kind is int else _text(value)


def _number(value: Any) -> int:
    if type(value) is not int or not -(2**63) <= value < 2**63:
        raise TypeError("not of this kind")
    return value


def _text(value: Any) -> str:
    # Halves of characters and control characters are not printable; names and ids are.
    if not isinstance(value, str) or not value.isprintable():
        raise TypeError("not of this kind")
    return value


def _unpack(cursor: str) -> Any:
    try:
        padded = cursor.encode("ascii") + b"=" * (-len(cursor) % 4)
        text = base64.b64decode(padded, altchars=b"-_", validate=True)
        return json.loads(text, parse_constant=_refuse)
    except (binascii.Error, ValueError, RecursionError) as error:
        raise BadRequest(_BAD) from error


def _refuse(name: str) -> Mapping[str, Any]:
    raise ValueError(f"{name} is in no cursor")
