"""Column types that PostgreSQL and SQLite store alike, and floats that survive NaN."""

from __future__ import annotations

import math
from datetime import UTC, datetime

from sqlalchemy import DateTime, Text
from sqlalchemy.engine import Dialect
from sqlalchemy.types import TypeDecorator

_CODES = {"nan": math.nan, "inf": math.inf, "-inf": -math.inf}


class Moment(TypeDecorator[datetime]):
    """An aware datetime in UTC, stored without zone."""

    impl = DateTime
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Aware -> naive UTC."""
        return None if value is None else value.astimezone(UTC).replace(tzinfo=None)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Naive -> aware UTC."""
        return None if value is None else value.replace(tzinfo=UTC)


class Words(TypeDecorator[str]):
    """Text as people and machines write it; PostgreSQL refuses NUL, so it becomes U+FFFD."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:
        """Take out what PostgreSQL cannot hold."""
        return None if value is None else value.replace("\x00", "\ufffd")


def encode(value: float | None) -> tuple[float | None, str | None]:
    """A float as (column, code column). SQLite turns NaN into NULL; the code keeps the difference.

    Absent is (None, None), a finite number (x, None), NaN and the infinities (None, their code).
    """
    if value is None or math.isfinite(value):
        return value, None
    return None, "nan" if math.isnan(value) else ("inf" if value > 0 else "-inf")


def decode(value: float | None, code: str | None) -> float | None:
    """What `encode` was given."""
    return value if code is None else _CODES[code]
