"""What calls send that has a meaning of its own: keys, kept settings, labels, long messages."""

from __future__ import annotations

import json

from service_support import make_offer

from service import calls
from service.calls import KEEP
from service.schemas import LONGEST_MESSAGE


def test_each_submission_has_a_key_of_its_own_unless_given() -> None:
    keys = {calls.create_sweep({}).headers["Idempotency-Key"] for _ in range(3)}
    assert len(keys) == 3
    assert calls.create_sweep({}, "mine").headers["Idempotency-Key"] == "mine"


def test_a_patch_holds_what_was_given() -> None:
    def sent(**given: object) -> object:
        return json.loads(calls.patch_sweep("s", 3, **given).body or b"")  # type: ignore[arg-type]

    assert sent() == {}
    assert sent(priority=0, max_parallel=KEEP) == {"priority": 0}
    assert sent(max_parallel=None) == {"max_parallel": None}
    assert sent(budget_trials=5) == {"budget": {"trials": 5}}
    call = calls.patch_sweep("s", 3)
    assert (call.headers["If-Match"], call.again) == ('"3"', False)


def test_labels_are_repeated() -> None:
    query = calls.list_sweeps(labels={"team": "nlp", "run": "a=b"}).query
    assert query["label"] == ["team=nlp", "run=a=b"]
    assert calls.list_sweeps().query["label"] is None


def test_ids_are_one_part_of_a_path() -> None:
    assert calls.get_sweep("../x?y").path == "/api/v1/sweeps/..%2Fx%3Fy"


def test_a_message_is_cut_at_the_limit() -> None:
    whole, cut = "x" * LONGEST_MESSAGE, "x" * (LONGEST_MESSAGE + 1)
    assert json.loads(calls.finish("s", 1, "FAILED", whole).body or b"")["message"] == whole
    short = json.loads(calls.finish("s", 1, "FAILED", cut).body or b"")["message"]
    assert len(short) == LONGEST_MESSAGE
    assert short.endswith(f"(cut: the whole message has {len(cut)} characters)")


def test_no_lease_is_none() -> None:
    assert calls.claim(make_offer()).read(b"") is None
