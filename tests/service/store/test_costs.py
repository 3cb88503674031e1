"""What the table of costs takes from reports."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import pytest
from service_support import Writer, asked, make_offer, make_report, make_spec, reported, started
from sqlalchemy.orm import Session

from service.clock import Terms, now
from service.operations.claim import claim
from service.operations.plan import plan
from service.operations.record import record
from service.operations.submit import submit
from service.store.costs import measurements
from sweeps.cost_model import Measurement
from sweeps.errors import SpecError
from sweeps.journal import Body, Prepared
from sweeps.spec import parse
from sweeps.trial import NOTHING_SEEN, Footprint, Report

GB = 2**30


def told(point: int, peak: int | None = None, rate: float | None = None, **given: Any) -> Report:
    """A report of 100 tokens at a rate, with a footprint of the fields given."""
    report = make_report(point)
    update = {"tokens_per_second": rate, "peak_memory_bytes": peak}
    window = report.window.model_copy(update=update)
    footprint = Footprint(**{"device": "gpu", **given}) if given else None
    return report.model_copy(update={"window": window, "footprint": footprint})


def measure(session: Session, *reports: Report, spec: dict[str, Any] | None = None) -> None:
    """A trial that says so, in a sweep of its own."""
    sweep, _ = submit(session, spec or make_spec(), None, now())
    claim(session, make_offer(recipes=["toy", "sft"]), Terms(now(), 30, 5))
    head: Sequence[Body] = [Prepared(horizon_samples=320, device_kind="cpu"), asked(0), started(0)]
    bodies = [*head, *(reported(0, report) for report in reports)]
    record(session, sweep.id, 1, Writer().entries(*bodies), now())


def found(session: Session, **changes: Any) -> list[Measurement]:
    return measurements(session, parse(make_spec(**changes)))


def test_the_peak_of_all_reports_and_the_mean_speed(session: Session) -> None:
    measure(
        session,
        told(1, 3 * GB, 100.0, device_memory_bytes=24 * GB, micro_batch_tokens=512),
        told(2, 5 * GB, 50.0, device_memory_bytes=24 * GB, micro_batch_tokens=1024),
        told(3, 4 * GB, 100.0, device_memory_bytes=24 * GB, checkpoint_bytes=7),
    )
    (row,) = found(session)
    assert row.key.device == "gpu"
    assert (row.peak_memory_bytes, row.device_memory_bytes) == (5 * GB, 24 * GB)
    assert (row.micro_batch_tokens, row.checkpoint_bytes) == (1024, 7)
    assert row.tokens_per_second == pytest.approx(300 / 4)


def test_an_older_worker_tells_its_speed_alone(session: Session) -> None:
    measure(session, told(1, rate=100.0))
    (row,) = found(session)
    assert (row.key.device, row.tokens_per_second) == ("cpu", 100.0)
    assert (row.peak_memory_bytes, row.micro_batch_tokens) == (None, None)


def test_of_another_pool_or_model_nothing_is_known(session: Session) -> None:
    measure(session, told(1, rate=100.0))
    assert found(session, resources={"pool": "other"}) == []
    assert found(session, workload={"recipe": "toy", "model": {"tiny": "llama"}}) == []


def test_what_is_no_measurement_is_left_out(session: Session) -> None:
    """A base model's report; rates that are none; counts beyond any column."""
    base = make_report(5).model_copy(update={"window": NOTHING_SEEN})
    measure(session, base)
    assert found(session) == []
    measure(session, told(1, rate=math.inf), told(2, 2**70, 0.0, micro_batch_tokens=2**70))
    (row,) = found(session)
    assert row.tokens_per_second is None
    assert (row.peak_memory_bytes, row.micro_batch_tokens) == (None, None)


def test_a_plan_knows_them_and_a_cell_that_cannot_fit_is_not_launched(session: Session) -> None:
    workload = {"recipe": "sft", "model": "some/model", "data": {"train": "a", "eval": "b"}}
    axes = {"global_batch_size": {"values": [8]}, "learning_rate": {"values": [1e-3]}}
    spec = make_spec(workload={**workload, "max_length": 1024}, parameters=axes)
    for tokens in (2048, 4096, 8192):
        peak = 8 * GB + tokens * GB // 1024
        measured = told(1, peak, device_memory_bytes=12 * GB, micro_batch_tokens=tokens)
        measure(session, measured, spec=spec)
    learned = plan(session, spec).learned
    assert learned is not None
    assert (learned.trials, learned.first_micro_batch) == (3, 2)
    longer = make_spec(workload={**workload, "max_length": 8192}, parameters=axes)
    assert plan(session, longer).refused_count == 1
    with pytest.raises(SpecError) as caught:
        submit(session, longer, None, now())
    assert [fault.pointer for fault in caught.value.faults] == ["/spec/workload/max_length"]
