"""Opaque page cursors: the key of the last row shown, so that inserts shift nothing."""

from __future__ import annotations

import base64
import binascii
import json
from datetime import UTC, datetime
from typing import Any

from service.errors import BadRequest

_BAD = "the cursor is not one that this list gave; start again without it"


def pack(*key: str | int) -> str:
    """A key as a cursor."""
    text = json.dumps(key, separators=(",", ":"))
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def unpack_sweep(cursor: str) -> tuple[datetime, str]:
    """(created_at, id) of the last sweep shown. Raises BadRequest."""
    found = _unpack(cursor)
    try:
        at, sweep_id = found
        moment = datetime.fromisoformat(at)
        if not isinstance(sweep_id, str) or moment.tzinfo is None:
            raise BadRequest(_BAD)
        return moment.astimezone(UTC), sweep_id
    except (TypeError, ValueError, OverflowError) as error:
        raise BadRequest(_BAD) from error


def unpack_trial(cursor: str) -> int:
    """The number of the last trial shown. Raises BadRequest."""
    found = _unpack(cursor)
    if len(found) != 1 or type(found[0]) is not int or not 0 <= found[0] < 2**63:
        raise BadRequest(_BAD)
    number: int = found[0]
    return number


def _unpack(cursor: str) -> list[Any]:
    try:
        padded = cursor.encode("ascii") + b"=" * (-len(cursor) % 4)
        found = json.loads(base64.b64decode(padded, altchars=b"-_", validate=True))
    except (binascii.Error, ValueError, RecursionError) as error:
        raise BadRequest(_BAD) from error
    if not isinstance(found, list):
        raise BadRequest(_BAD)
    return found
