from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, Literal

import pytest

from service.schemas import Event
from sweepctl.events import line

VERDICT = {
    "number": 3,
    "point": 2,
    "samples": 200,
    "reason": "none",
    "message": "Nothing spoke against it.",
    "audit": False,
    "loss": "NaN",
    "grad_norm": 1.25,
    "metrics": {"eval_loss": 2.0},
}


@pytest.mark.parametrize(
    ("kind", "data", "said"),
    [
        ("sweep", {"state": "DONE", "was": "RUNNING", "message": ""}, "sweep DONE"),
        ("sweep", {"state": "FAILED", "was": "RUNNING", "message": "no"}, "sweep FAILED: no"),
        (
            "trial",
            {"number": 3, "state": "RUNNING", "reason": None, "params": {"learning_rate": 0.1}},
            "trial 3 RUNNING learning_rate=0.1",
        ),
        (
            "trial",
            {"number": 3, "state": "STOPPED", "reason": "pruned", "params": {}},
            "trial 3 STOPPED (pruned) -",
        ),
        (
            "verdict",
            {**VERDICT, "action": "continue"},
            "trial 3 point 2 samples 200 loss=NaN grad_norm=1.25 eval_loss=2",
        ),
        (
            "verdict",
            {**VERDICT, "action": "stop", "reason": "median", "message": "No."},
            "trial 3 point 2 samples 200 loss=NaN grad_norm=1.25 eval_loss=2 -> stop (median): No.",
        ),
        ("command", {"kind": "pause", "trial": None, "status": "waiting"}, "command pause waiting"),
        (
            "command",
            {"kind": "stop_trial", "trial": 3, "status": "applied"},
            "command stop_trial trial 3 applied",
        ),
    ],
)
def test_one_line_each(
    kind: Literal["sweep", "trial", "verdict", "command"], data: dict[str, Any], said: str
) -> None:
    event = Event(
        id=1,
        type=kind,
        at=datetime(2026, 1, 1, 12, 3, 4, tzinfo=UTC),
        sweep_id="swp_" + "0" * 32,
        trial_id=None,
        data=data,
        last=False,
    )
    assert line(event) == f"12:03:04 {said}"
