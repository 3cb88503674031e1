"""The classes of errors find themselves again by slug or status."""

from __future__ import annotations

import pytest

from service import errors
from service.errors import (
    BY_SLUG,
    BadRequest,
    Conflict,
    NotFound,
    ServiceError,
    StaleLease,
    Unavailable,
    Unreachable,
    class_of,
)
from sweeps.errors import Fault


def test_every_class_has_a_slug_of_its_own() -> None:
    classes = [
        found
        for found in vars(errors).values()
        if isinstance(found, type) and issubclass(found, ServiceError)
    ]
    assert len(classes) > 15
    assert {BY_SLUG[found.slug] for found in classes} == set(classes)


@pytest.mark.parametrize(
    ("slug", "status", "found"),
    [
        ("stale-lease", 409, StaleLease),
        ("made-up", 409, Conflict),
        (None, 404, NotFound),
        (None, 503, Unavailable),
        (None, 418, BadRequest),
        (None, 502, ServiceError),
        ("unreachable", 503, Unreachable),
    ],
)
def test_class_of(slug: str | None, status: int, found: type[ServiceError]) -> None:
    assert class_of(slug, status) is found


def test_the_text_names_every_fault() -> None:
    error = errors.Invalid("two", [Fault("/a", "1", "is bad", "Mend."), Fault("/b", "2", "x", "y")])
    assert str(error).splitlines() == ["two", "/a: is bad (got 1). Mend.", "/b: x (got 2). y"]
