"""Keys are kept once."""

from __future__ import annotations

from service_support import make_spec
from sqlalchemy.orm import Session

from service.clock import now
from service.operations.submit import new_sweep, runnable
from service.queries import SweepQuery
from service.store import idempotency, sweeps


def test_a_second_sweep_under_the_key_leaves_no_trace(session: Session) -> None:
    spec = runnable(make_spec())
    first, second = new_sweep(spec, now()), new_sweep(spec, now())
    assert idempotency.keep(session, "k", "d1", first, now())
    assert not idempotency.keep(session, "k", "d2", second, now())
    known = idempotency.find(session, "k")
    assert known is not None
    assert (known.sweep_id, known.digest) == (first.id, "d1")
    rows, _ = sweeps.page(session, SweepQuery())
    assert [row.id for row in rows] == [first.id]
    assert idempotency.find(session, "other") is None


def test_digests_know_what_a_body_says() -> None:
    assert idempotency.digest({"a": 1, "b": [1, 2]}) == idempotency.digest({"b": [1, 2], "a": 1})
    assert idempotency.digest({"a": 1}) != idempotency.digest({"a": 1.5})
    assert idempotency.digest([1, 2]) != idempotency.digest([2, 1])
