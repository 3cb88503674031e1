"""What calls send that has a meaning of its own: keys, kept settings, labels."""

from __future__ import annotations

import json

from service import calls
from service.calls import KEEP


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
