"""A pruner that may learn from finished sweeps is told of them once, before its first trial."""

from __future__ import annotations

import pytest
from running import Running
from tests_support import toy_spec

from sweeps.journal import PastCurves, fold
from sweeps.simulator.refold import refold

pytestmark = pytest.mark.xdist_group("up")


def test_a_sweep_is_told_of_the_one_before(up: Running) -> None:
    first = up.client.create_sweep(toy_spec(budget={"trials": 2}))
    assert up.ended(first.id).state == "DONE", up.driver_log(first.id)
    spec = toy_spec(pruning={"type": "early_dynamics", "history": True}, budget={"trials": 2})
    second = up.client.create_sweep(spec)
    assert up.ended(second.id).state == "DONE", up.driver_log(second.id)

    entries = list(up.client.entries(second.id))
    assert [entry.body.type for entry in entries[:3]] == ["prepared", "evidence", "asked"]
    assert sum(isinstance(entry.body, PastCurves) for entry in entries) == 1
    # Other tests' sweeps may be told of too; this one ended last.
    newest = fold(entries).evidence[0]
    assert newest["sweep"] == first.id
    finals = {trial.value for trial in up.client.every_trial(first.id)}
    assert {trial["final"] for trial in newest["trials"]} == finals
    assert all(trial["points"][-1]["share"] == 1.0 for trial in newest["trials"])
    assert refold(spec, entries) == []
