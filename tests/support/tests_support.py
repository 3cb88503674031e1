"""Sweeps of the toy recipe, for tests of `workers` and end to end."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from sweeps.journal import Prepared
from sweeps.spec import SweepSpec, parse
from sweeps.trial import Trial
from workers.order import AttemptOrder, OrderMaker
from workers.settings import WorkerSettings

SUPPORT = Path(__file__).parent
TOY = "toy=toy_recipe:run"


def toy_spec(**changes: Any) -> SweepSpec:
    """A sweep of the toy recipe; `changes` replace keys of its spec block."""
    body: dict[str, Any] = {
        "workload": {"recipe": "toy"},
        "parameters": {
            "global_batch_size": {"values": [16]},
            "learning_rate": {"values": [0.1, 0.2, 0.5, 1.0]},
        },
        "method": {"type": "grid"},
        "metric": {"name": "eval_loss", "goal": "minimize"},
        "horizon": {"samples": 320},
        "report": {"points": 5},
        "evaluation": {"every_points": 1},
        "pruning": {"type": "never"},
        **changes,
    }
    head = {"apiVersion": "sweeps/v1", "kind": "Sweep", "metadata": {"name": "toy"}}
    return parse({**head, "spec": body})


def make_order(settings: WorkerSettings, spec: SweepSpec, number: int = 0) -> AttemptOrder:
    """The order for a first attempt at a trial of `spec`."""
    prepared = Prepared(horizon_samples=320)
    maker = OrderMaker("swp_" + "0" * 32, spec, prepared, settings, None)
    trial = Trial(number, {"global_batch_size": 16, "learning_rate": 0.1})
    return maker.make(trial, 1)
