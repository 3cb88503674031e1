"""What the database complains of, as one sentence that says what to do. Pure."""

from __future__ import annotations

from sqlalchemy.exc import (
    DBAPIError,
    InterfaceError,
    InternalError,
    OperationalError,
    SQLAlchemyError,
)
from sqlalchemy.exc import TimeoutError as PoolTimeout

# What may pass by itself: the caller tries again.
PASSING: tuple[type[SQLAlchemyError], ...] = (
    OperationalError,
    InterfaceError,
    InternalError,
    PoolTimeout,
)
# PostgreSQL's answer to a NUL, or to a number of more than 64 bits.
UNFIT = "a text in the request holds the character NUL, or a value in it is too large to be stored"

_AWAY = "the database does not answer; try again"
_LOCKED = "another transaction holds what this request needs; try again"
_FULL = "the database's disk is full; free some space"
# By SQLSTATE, the standard's code; its first two characters are its class.
_SENTENCES = {
    "57014": (
        "the database took too long over one statement and it was cancelled; try again, or raise "
        "SWEEP_DATABASE_STATEMENT_SECONDS"
    ),
    "55P03": _LOCKED,
    "40P01": _LOCKED,
    "40001": _LOCKED,
    "25P03": "the request left its transaction idle for too long and it was cancelled; try again",
    "53300": (
        "the database has no connection left; try again, lower SWEEP_DATABASE_POOL_SIZE and "
        "SWEEP_DATABASE_POOL_OVERFLOW, or raise its max_connections"
    ),
    "53100": _FULL,
    "25006": "the database is read-only; point SWEEP_DATABASE_URL at the one that takes writes",
}
# What SQLite calls it, or how that begins.
_OF_SQLITE = {
    "SQLITE_BUSY": _LOCKED,
    "SQLITE_FULL": _FULL,
    # A limit on the size of a file or a quota tells itself so, a full disk now and then.
    "SQLITE_IOERR": (
        "the database's disk does not take what is written, because it is full, at a quota or "
        "broken; free some space"
    ),
    "SQLITE_READONLY": "the database's file is read-only; let the service's user write it",
}
BUSY = (
    "every connection to the database is in use; try again, or raise SWEEP_DATABASE_POOL_SIZE and "
    "SWEEP_DATABASE_POOL_OVERFLOW"
)
CROWDED = "other requests have been writing for too long; try again, or see what holds the database"


def explain(error: SQLAlchemyError) -> str:
    """What is wrong, for one of PASSING. Never holds a statement, a value or a password."""
    if isinstance(error, PoolTimeout):
        return BUSY
    cause = error.orig if isinstance(error, DBAPIError) else None
    name = str(getattr(cause, "sqlite_errorname", ""))
    for begin, sentence in _OF_SQLITE.items():
        if name.startswith(begin):
            return sentence
    return _SENTENCES.get(str(getattr(cause, "sqlstate", "")), _AWAY)
