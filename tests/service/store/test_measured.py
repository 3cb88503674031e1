"""Which throughputs are comparable."""

from __future__ import annotations

import copy
import math
from typing import Any

import pytest
from service_support import Writer, asked, ended, make_offer, make_spec, started
from sqlalchemy.orm import Session

from service.clock import Terms, now
from service.operations.claim import claim
from service.operations.record import record
from service.operations.submit import submit
from service.store.measured import family, measured
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
