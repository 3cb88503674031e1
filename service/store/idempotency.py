"""Idempotency keys: which request made which sweep."""

from __future__ import annotations

import hashlib
import json
from datetime import datetime
from typing import Any

from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from service.store.tables import KeyRow, SweepRow


def digest(body: Any) -> str:
    """Equal for bodies that say the same, whatever the order of their keys."""
    text = json.dumps(body, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def find(session: Session, key: str) -> KeyRow | None:
    """What `key` was used for."""
    return session.get(KeyRow, key, populate_existing=True)


def keep(session: Session, key: str, body_digest: str, sweep: SweepRow, now: datetime) -> bool:
    """Store `sweep` under `key`, both or neither. False when somebody else just used the key."""
    row = KeyRow(key=key, digest=body_digest, sweep_id=sweep.id, created_at=now)
    try:
        with session.begin_nested():
            session.add(sweep)
            session.flush()
            session.add(row)
    except IntegrityError:
        return False
    return True
