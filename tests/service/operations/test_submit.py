"""Submitting: once per key, whatever happens at the same time."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest
from service_support import Host, make_spec
from sqlalchemy.orm import Session

from service.client import Client
from service.clock import now
from service.errors import Invalid, KeyReused
from service.operations.submit import new_sweep, runnable, submit
from service.store import idempotency
from service.store.database import Database
from sweeps.errors import SpecError

PATH = "/api/v1/sweeps"
# The example of the design, as YAML reads it (1e-6 without a dot is a text there).
WHOLE = {
    "workload": {
        "recipe": "sft",
        "model": "ibm-granite/granite-3b",
        "data": {"train": "data/train.jsonl", "eval": "data/eval.jsonl", "format": "auto"},
        "strategy": "stacked",
        "adapter": {"type": "lora", "r": 16},
    },
    "parameters": {
        "global_batch_size": {"values": [128, 3840, 7680]},
        "learning_rate": {"values": ["1e-6", "5e-6", "2e-5"]},
        "warmup_steps": {"values": [0, 25, 100]},
        "lr_scheduler_type": {"values": ["constant", "cosine", "linear"]},
    },
    "method": {"type": "grid"},
    "metric": {"name": "eval/score", "goal": "maximize"},
    "horizon": {"samples": 2_000_000},
    "report": {"points": 20},
    "evaluation": {"every_points": 5, "max_examples": 500},
    "pruning": {"type": "early_dynamics", "risk": 0.1},
    "resources": {"pool": "a100", "gpus_per_trial": 1, "max_parallel": 8},
    "budget": {"trials": 81, "gpu_hours": 200, "wall_clock": "48h"},
    "confirm": {"top": 3, "seeds": 3},
}


def test_the_same_key_gives_the_same_sweep(web: httpx.Client) -> None:
    key = {"Idempotency-Key": "k1"}
    first = web.post(PATH, json=make_spec(), headers=key)
    assert (first.status_code, "idempotent-replay" in first.headers) == (201, False)
    assert first.headers["location"] == f"{PATH}/{first.json()['id']}"
    # The same body in another order of keys.
    turned = dict(reversed(make_spec().items()))
    again = web.post(PATH, json=turned, headers=key)
    assert (again.status_code, again.headers["idempotent-replay"]) == (200, "true")
    assert again.json()["id"] == first.json()["id"]
    other = web.post(PATH, json=make_spec("other"), headers=key)
    assert (other.status_code, other.json()["type"]) == (
        422,
        "urn:sweeps:problem:idempotency-key-reused",
    )
    assert first.json()["id"] in other.json()["detail"]
    assert len(web.get(PATH).json()["items"]) == 1


def test_without_a_key_each_request_is_one(web: httpx.Client) -> None:
    ids = {web.post(PATH, json=make_spec()).json()["id"] for _ in range(3)}
    assert len(ids) == 3


@pytest.mark.parametrize("key", ["", "x" * 256])
def test_keys_have_a_length(web: httpx.Client, key: str) -> None:
    assert web.post(PATH, json=make_spec(), headers={"Idempotency-Key": key}).status_code == 422


def test_a_refused_spec_uses_up_no_key(user: Client) -> None:
    with pytest.raises(Invalid):
        user.create_sweep(make_spec(report={"points": 0}), "k")
    assert user.create_sweep(make_spec(), "k").name == "toy"


def test_fifty_at_once_with_one_key_make_one_sweep(host: Host) -> None:
    def post(_: int) -> str:
        with host.client(timeout=60) as client:
            return client.create_sweep(make_spec(), "one").id

    with ThreadPoolExecutor(50) as pool:
        ids = set(pool.map(post, range(50)))
    assert len(ids) == 1
    with host.client() as client:
        assert [sweep.id for sweep in client.list_sweeps().items] == list(ids)


def test_a_key_that_another_process_used_meanwhile(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """PostgreSQL lets two writers look at once; the unique key decides between them."""
    with database.write() as session:
        first, _ = submit(session, make_spec(), "k", now())
    known, calls = idempotency.find, []

    def late(session: Session, key: str) -> object:
        calls.append(key)
        return None if len(calls) == 1 else known(session, key)

    monkeypatch.setattr(idempotency, "find", late)
    with database.write() as session:
        second, replayed = submit(session, make_spec(), "k", now())
    assert (second.id, replayed) == (first.id, True)
    calls.clear()
    with database.write() as session, pytest.raises(KeyReused):
        submit(session, make_spec("other"), "k", now())


def test_a_row_holds_what_the_spec_says(session: Session) -> None:
    spec = runnable(make_spec("n", "a100", resources={"pool": "a100", "max_parallel": 3}))
    row = new_sweep(spec, now())
    assert (row.name, row.pool, row.recipe, row.max_parallel) == ("n", "a100", "toy", 3)
    with pytest.raises(SpecError):
        runnable(make_spec(horizon={}))


@pytest.mark.parametrize("path", [PATH, f"{PATH}/plan"])
def test_what_is_not_built_is_told_before_values_are_judged(web: httpx.Client, path: str) -> None:
    answer = web.post(path, json=make_spec(**WHOLE))
    assert (answer.status_code, answer.json()["type"]) == (422, "urn:sweeps:problem:unsupported")
    assert {fault["pointer"] for fault in answer.json()["errors"]} == {
        "/spec/budget/gpu_hours",
        "/spec/budget/wall_clock",
    }


def test_a_secret_is_told_alone_and_never_printed() -> None:
    """Also where it stands in what is not built."""
    workload = {"model": "s3://me:hunter2@bucket/model", "data": {"train": "t", "eval": "e"}}
    with pytest.raises(SpecError) as caught:
        runnable(make_spec(**{**WHOLE, "workload": workload}))
    assert [fault.pointer for fault in caught.value.faults] == ["/spec/workload/model"]
    assert "hunter2" not in str(caught.value)
