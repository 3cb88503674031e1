"""Pages by key: rows in a total order, and the page behind the last row shown.

So that rows that come or go between two pages shift nothing: none is shown twice, none left out.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, or_
from sqlalchemy.orm import InstrumentedAttribute, Session

from service.store.cursors import pack, unpack

Column = InstrumentedAttribute[Any]


@dataclass(frozen=True)
class Order:
    """By `first`, then by `tie`, which with it is unique; both rising, or both falling.

    A `first` of kind float may be NULL: such rows come last either way, by `tie`. NaN and the
    infinities are stored so, on SQLite and PostgreSQL alike.
    """

    first: Column
    tie: Column
    kinds: tuple[type, type]
    falling: bool = False

    def columns(self) -> list[ColumnElement[Any]]:
        """For ORDER BY. The explicit IS NULL is needed: the databases disagree on where NULL is."""
        parts = [one.desc() if self.falling else one.asc() for one in (self.first, self.tie)]
        return [self.first.is_(None), *parts] if self._nullable else list(parts)

    def behind(self, first: Any, tie: Any) -> ColumnElement[bool]:
        """Rows that come after the one with this key."""
        if first is None:
            return and_(self.first.is_(None), self._past(self.tie, tie))
        later = or_(
            self._past(self.first, first),
            and_(self.first == first, self._past(self.tie, tie)),
        )
        if self._nullable:
            return or_(later, self.first.is_(None))
        # Said twice, so that an index on the first column is used.
        return and_(self.first <= first if self.falling else self.first >= first, later)

    def _past(self, column: Column, value: Any) -> ColumnElement[bool]:
        past: ColumnElement[bool] = column < value if self.falling else column > value
        return past

    @property
    def _nullable(self) -> bool:
        return self.kinds[0] is float


@dataclass(frozen=True)
class Page:
    """Which part of a list: `limit` rows behind `cursor`, which is bound to `digest`."""

    limit: int
    cursor: str | None
    digest: str


def fetch(
    session: Session, query: Select[Any], order: Order, page: Page
) -> tuple[Sequence[Any], str | None]:
    """The rows of a page, and the cursor of the page after it (None on the last).

    `query` selects one entity; its rows come as (entity, first, tie). Raises BadRequest.
    """
    if page.cursor is not None:
        query = query.where(order.behind(*unpack(page.digest, page.cursor, order.kinds)))
    query = query.add_columns(order.first, order.tie).order_by(*order.columns())
    rows = session.execute(query.limit(page.limit + 1)).all()
    if len(rows) <= page.limit:
        return rows, None
    last = rows[page.limit - 1]
    return rows[: page.limit], pack(page.digest, [last[-2], last[-1]])
