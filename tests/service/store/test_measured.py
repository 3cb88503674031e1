"""Which throughputs are comparable."""

from __future__ import annotations

import copy
import json
import math
from typing import Any

import pytest
from service_support import (
    Writer,
    asked,
    ended,
    make_offer,
    make_report,
    make_spec,
    reported,
    started,
)
from sqlalchemy.orm import Session

from service.clock import Terms, now
from service.operations.claim import claim
from service.operations.record import record
from service.operations.submit import submit
from service.store.measured import family, measured
from service.store.tables import SweepRow
from sweeps.journal import Prepared
from sweeps.lifecycle import AttemptEnd
from sweeps.spec import parse


@pytest.mark.parametrize(
    ("bodies", "rates"),
    [
        ([started(0), ended(0, samples=100, seconds=4.0)], [25.0]),
        ([started(0), ended(0, samples=100, seconds=0.0)], []),
        ([started(0), ended(0, samples=100, seconds=math.inf)], []),
        ([started(0), ended(0, AttemptEnd.STOPPED, samples=50, seconds=2.0)], []),
        (
            [
                *(started(0), ended(0, AttemptEnd.LOST, samples=50, seconds=2.0)),
                *(started(0, 2), ended(0, samples=100, seconds=2.0, attempt=2)),
            ],
            [],
        ),
    ],
)
def test_finished_trials_of_one_attempt(
    session: Session, bodies: list[Any], rates: list[float]
) -> None:
    sweep, _ = submit(session, make_spec(), None, now())
    claim(session, make_offer(), Terms(now(), 30, 5))
    head = [Prepared(horizon_samples=320, device_kind="cuda", devices_per_trial=2), asked(0)]
    record(session, sweep.id, 1, Writer().entries(*head, *bodies), now())
    found = measured(session, parse(make_spec()))
    assert [one.samples_per_second for one in found] == rates
    assert all(one.devices == 2 and one.params == {"learning_rate": 0.1} for one in found)
    assert measured(session, parse(make_spec(pool="other"))) == []


def test_the_family_is_model_recipe_adapter_and_length() -> None:
    spec = make_spec()
    spec["spec"]["workload"]["model"] = {"tiny": "llama"}
    same = copy.deepcopy(spec)
    same["metadata"]["name"] = "other"
    same["spec"]["parameters"] = {"learning_rate": {"values": [1.0]}}
    assert family(parse(same)) == family(parse(spec))
    model = {"tiny": "llama", "init_seed": 1}
    for change in ({"recipe": "x"}, {"max_length": 99}, {"model": model}):
        other = copy.deepcopy(spec)
        other["spec"]["workload"] |= change
        assert family(parse(other)) != family(parse(spec))


@pytest.mark.parametrize("options", [None, {}, {"packing": True}])
def test_only_trials_with_the_same_options_are_comparable(
    session: Session, options: dict[str, Any] | None
) -> None:
    """A packed run is faster, a compiled one too; a spec that names no options has none."""

    def asks(options: dict[str, Any] | None) -> dict[str, Any]:
        named = {} if options is None else {"options": options}
        return make_spec(workload={"recipe": "toy", **named})

    sweep, _ = submit(session, asks(options), None, now())
    claim(session, make_offer(), Terms(now(), 30, 5))
    head = Prepared(horizon_samples=320, device_kind="cuda", devices_per_trial=2)
    bodies = [asked(0), started(0), ended(0, samples=100, seconds=4.0)]
    record(session, sweep.id, 1, Writer().entries(head, *bodies), now())
    others: list[dict[str, Any] | None] = [None, {}, {"packing": True}, {"packing": 8}]
    found = [len(measured(session, parse(asks(other)))) for other in others]
    assert found == [int((other or {}) == (options or {})) for other in others]
    # As a version before options stored it: its digest is the same.
    row = session.get(SweepRow, sweep.id)
    assert row is not None
    assert row.family == family(parse(asks({"packing": 8})))
    plain = json.loads(row.spec)
    del plain["spec"]["workload"]["options"]
    row.spec = json.dumps(plain)
    assert len(measured(session, parse(asks({})))) == 1


def test_what_a_trial_took_over_from_another_took_it_no_time(session: Session) -> None:
    sweep, _ = submit(session, make_spec(), None, now())
    claim(session, make_offer(), Terms(now(), 30, 5))
    last = make_report(5).model_copy(update={"inherited": 60})
    bodies = [asked(0), started(0), reported(0, last)]
    head = Prepared(horizon_samples=320, device_kind="cuda", devices_per_trial=2)
    done = ended(0, samples=100, seconds=4.0)
    record(session, sweep.id, 1, Writer().entries(head, *bodies, done), now())
    assert [one.samples_per_second for one in measured(session, parse(make_spec()))] == [10.0]
