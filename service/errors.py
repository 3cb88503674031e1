# ruff: noqa: N818 - the names of the house's contract: NotFound, StaleLease ...
"""Errors of the service, shared with its client. Pure: no web framework, no database.

Each says who must act: below 500 the caller, from 500 on the operator. `service.problems` writes
them as RFC 9457 problem+json and `service.client` raises the same classes from it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

from sweeps.errors import Fault

TYPE_PREFIX = "urn:sweeps:problem:"


class ServiceError(Exception):
    """Base of all. `status` is HTTP's, `slug` ends the problem's type, `title` is its short name.

    `detail` says what happened and what to do; `faults` point at what is wrong in the input;
    `extra` holds further members of the problem (`expected_seq`, `possible` ...).
    """

    status: ClassVar[int] = 500
    slug: ClassVar[str] = "internal"
    title: ClassVar[str] = "The service failed"

    def __init__(
        self, detail: str, faults: Sequence[Fault] = (), extra: dict[str, Any] | None = None
    ) -> None:
        self.detail, self.faults, self.extra = detail, list(faults), dict(extra or {})
        super().__init__("\n".join([detail, *map(str, self.faults)]))


class BadRequest(ServiceError):
    """Not readable as what the route takes: broken JSON, a bad cursor, a bad query value."""

    status, slug, title = 400, "bad-request", "The request cannot be read"


class Unauthenticated(ServiceError):
    """No token, or one that is not known."""

    status, slug, title = 401, "unauthenticated", "A valid token is needed"


class Forbidden(ServiceError):
    """The token is known and lacks the route's scope."""

    status, slug, title = 403, "forbidden", "This token may not do that"


class NotFound(ServiceError):
    """No such sweep, trial, route ..."""

    status, slug, title = 404, "not-found", "Not found"


class MethodNotAllowed(ServiceError):
    """The path exists, the method does not."""

    status, slug, title = 405, "method-not-allowed", "Method not allowed"


class Conflict(ServiceError):
    """The state of things does not allow it now."""

    status, slug, title = 409, "conflict", "Not possible in this state"


class IllegalMove(Conflict):
    """A move that the table of states does not have; `extra["possible"]` lists those it has."""

    slug, title = "illegal-move", "Not possible in this state"


class StaleLease(Conflict):
    """The fencing token is not the current one: this sweep has another owner, or none."""

    slug, title = "stale-lease", "This lease is no longer yours"


class JournalGap(Conflict):
    """An entry came before its predecessor; `extra["expected_seq"]` is the one waited for."""

    slug, title = "journal-gap", "Entries are missing before this one"


class JournalMismatch(Conflict):
    """An entry was sent again with another content than what is stored under its seq."""

    slug, title = "journal-mismatch", "Another entry is stored under this seq"


class PreconditionFailed(ServiceError):
    """If-Match does not hold; `extra["revision"]` is the current one."""

    status, slug, title = 412, "precondition-failed", "It was changed in the meantime"


class PreconditionRequired(ServiceError):
    """A change of settings came without If-Match."""

    status, slug, title = 428, "precondition-required", "Say which revision you change"


class TooLarge(ServiceError):
    """The body is over the limit."""

    status, slug, title = 413, "too-large", "The body is too large"


class Invalid(ServiceError):
    """Readable, but wrong: `faults` name each field and the mend."""

    status, slug, title = 422, "invalid", "The input is not valid"


class Unsupported(Invalid):
    """Well formed, and asks for a feature that this version has not built."""

    slug, title = "unsupported", "A feature asked for is not built yet"


class KeyReused(Invalid):
    """The Idempotency-Key was used before with another body."""

    slug, title = "idempotency-key-reused", "This Idempotency-Key belongs to another request"


class RefusedEntry(Invalid):
    """A journal entry contradicts the ones before it."""

    slug, title = "refused-entry", "The entry does not fit the journal"


class Unavailable(ServiceError):
    """Not now: the database is away or not migrated. Try again."""

    status, slug, title = 503, "unavailable", "The service is not ready"


class Unreachable(Unavailable):
    """Raised by the client alone: no answer came."""

    slug, title = "unreachable", "The service does not answer"


def _family(cls: type[ServiceError]) -> list[type[ServiceError]]:
    return [cls, *(leaf for child in cls.__subclasses__() for leaf in _family(child))]


BY_SLUG: dict[str, type[ServiceError]] = {cls.slug: cls for cls in _family(ServiceError)}
_BY_STATUS: dict[int, type[ServiceError]] = {
    cls.status: cls for cls in reversed(_family(ServiceError)) if cls is not Unreachable
}


PASSING = (408, 425, 429)


def class_of(slug: str | None, status: int) -> type[ServiceError]:
    """The class of a problem, by its slug, else by its status."""
    if slug in BY_SLUG:
        return BY_SLUG[slug]
    if status in _BY_STATUS:
        return _BY_STATUS[status]
    if status in PASSING:
        return Unavailable  # something on the way (a proxy) asks for patience
    return BadRequest if status < 500 else ServiceError
