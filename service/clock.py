"""The wall clock of the service, and how long a lease lasts by it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta


def now() -> datetime:
    """This moment, aware, in UTC."""
    return datetime.now(UTC)


def stamp(moment: datetime) -> str:
    """RFC 3339 with milliseconds and Z, as journals write it."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def moment(text: str, otherwise: datetime) -> datetime:
    """A journal's time, or `otherwise` when it cannot be read as an aware time."""
    try:
        found = datetime.fromisoformat(text)
        return otherwise if found.tzinfo is None else found.astimezone(UTC)
    except (ValueError, OverflowError):
        return otherwise


@dataclass
class Clock:
    """This machine's clock, set by that of the database, which all replicas share.

    A replica whose own is ahead would otherwise give away leases that are held.
    """

    wall: Callable[[], datetime] = now
    correction: timedelta = timedelta()

    def now(self) -> datetime:
        """This moment."""
        return self.wall() + self.correction

    def set_by(self, ask: Callable[[], datetime | None]) -> None:
        """Agree with what `ask` answers, to half the time that it takes; None changes nothing."""
        began = self.wall()
        theirs = ask()
        if theirs is not None:
            self.correction = theirs - (began + (self.wall() - began) / 2)


@dataclass(frozen=True)
class Terms:
    """The moment of a request, and for how many seconds a lease is given and renewed."""

    now: datetime
    lease_seconds: float
    renew_seconds: float

    @property
    def until(self) -> datetime:
        """When a lease given now expires."""
        return self.now + timedelta(seconds=self.lease_seconds)

    @property
    def alive_since(self) -> datetime:
        """An agent that has been silent since then is taken for gone."""
        return self.now - timedelta(seconds=self.lease_seconds)
