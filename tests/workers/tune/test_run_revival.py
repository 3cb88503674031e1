"""Parked trials come back on a real Ray: from their own checkpoint, on whatever worker is free."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests_support import toy_spec

from sweeps.journal import Judged
from sweeps.trial import Action
from tests.workers.tune.test_run import Bench, joined
from workers.ray_head import RayHead

__all__ = ["joined"]
pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("ray")]


def test_halving_parks_revives_and_ends(joined: RayHead, tmp_path: Path) -> None:
    """Rungs at points 1, 2 and 4 of 5. Four trials are out at once, so all of them are judged: the
    first two to come are parked before anything is known, and the best is brought back."""
    rates = {"values": [0.4, 0.1, 0.05, 0.02, 0.2, 0.01]}
    axes = {"global_batch_size": {"values": [16]}, "learning_rate": rates}
    work = {"recipe": "toy", "options": {"step_seconds": 0.03}}
    spec = toy_spec(workload=work, parameters=axes, pruning={"type": "halving"})
    bench = Bench(tmp_path, spec, slots=4)
    bench.run()
    trials = bench.book.story.trials
    assert set(bench.states()) == {"DONE", "STOPPED"}
    assert trials[0].state == "DONE"
    back = [
        entry.body.trial
        for entry in bench.book.entries
        if isinstance(entry.body, Judged) and entry.body.verdict.action is Action.CONTINUE
    ]
    assert back
    for number in back:
        attempts = trials[number].attempts
        assert len(attempts) > 1
        # The second attempt began where the first one was parked: no sample was run twice.
        assert [a.ended for a in attempts[:-1]] == ["paused"] * (len(attempts) - 1)
        assert attempts[-1].samples > attempts[0].samples
    for record in trials.values():
        if record.state == "STOPPED":
            assert record.verdicts[max(record.verdicts)].reason == "parked"
