"""The sweeps of a chaos run."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from e2e_support import sft_spec, write_data
from tests_support import toy_spec

from sweeps.phases import planned_stages
from sweeps.spec import SweepSpec

BATCH = 16
# The pool whose agent divides every trial by two processes.
PAIRS = "pairs"


@dataclass(frozen=True)
class Size:
    """How many trials a sweep has, of how many steps, how long a step takes in seconds, and how
    many trials of one sweep run at once; `shared_steps` is the length of a shared first phase."""

    trials: int = 8
    steps: int = 40
    step_seconds: float = 0.25
    points: int = 8
    parallel: int = 2
    shared_steps: int = 300

    @property
    def quiet(self) -> Size:
        """The same with nothing to wait for: how long a step takes is in no number."""
        return replace(self, step_seconds=0.0)

    @property
    def body(self) -> dict[str, Any]:
        """What the sweeps of the toy recipe have in common."""
        return {
            "workload": {"recipe": "toy", "options": {"step_seconds": self.step_seconds}},
            "horizon": {"samples": self.steps * BATCH},
            "report": {"points": self.points},
            "resources": self.resources(),
        }

    def resources(self, **changes: Any) -> dict[str, Any]:
        """A trial may lose 30 workers: the schedule knows no mercy with any of them."""
        return {"max_parallel": self.parallel, "max_attempts": 10, **changes}


def grid(size: Size, **changes: Any) -> SweepSpec:
    """Every trial runs to its end, in whatever order: its numbers do not depend on the others."""
    rates = [round(0.02 + 0.035 * k, 3) for k in range(size.trials)]
    axes = {"global_batch_size": {"value": BATCH}, "learning_rate": {"values": rates}}
    return toy_spec(**{**size.body, "parameters": axes, **changes})


def ranked(size: Size) -> SweepSpec:
    """That grid, each trial by two processes, one trial at a time."""
    return grid(size, resources=size.resources(pool=PAIRS, max_parallel=1))


def phased(size: Size, data: Path) -> SweepSpec:
    """Three trials of the recipe sft that differ in their second phases: one of them trains the
    first phase, and the others go on from what it left. `data` is where `write_phases` wrote.

    One example goes through the model at a time, so that the first phase takes long enough.
    """
    first, second = size.shared_steps * BATCH, size.shared_steps // 5 * BATCH
    phases = [
        {"data": str(data / "first.jsonl"), "samples": first},
        {"data": str(data / "second.jsonl"), "samples": second, "replay": 0.25},
    ]
    workload = {
        "recipe": "sft",
        "model": {"tiny": "llama", "hidden_size": 64, "vocab_size": 300},
        "data": {"eval": str(data / "eval.jsonl")},
        "strategy": {"phased": phases},
        "max_length": 32,
    }
    axes = {
        "global_batch_size": {"value": BATCH},
        "learning_rate": {"value": 3e-3},
        "warmup_steps": {"value": 2},
        "phase2_learning_rate": {"values": [1e-3, 3e-3, 1e-2]},
    }
    return sft_spec(
        "phased",
        data,
        workload=workload,
        parameters=axes,
        horizon={"samples": first + second},
        report={"points": 12},
        resources=size.resources(per_device_train_batch_size=1),
    )


def shared_until(spec: SweepSpec) -> int:
    """The samples at which a first phase ends that the trials of a sweep share; 0: they do not."""
    stages = planned_stages(spec, spec.spec.horizon.samples)
    return stages[0].samples if stages else 0


def write_phases(data: Path) -> None:
    """The files that `phased` reads."""
    data.mkdir(parents=True, exist_ok=True)
    for seed, (name, rows) in enumerate({"first": 400, "second": 100, "eval": 8}.items()):
        write_data(data / f"{name}.jsonl", rows, seed)


# Both park and bring back.
HALVING: dict[str, Any] = {"type": "halving", "eta": 2, "grace": 0.25}
EARLY_DYNAMICS: dict[str, Any] = {"type": "early_dynamics", "audit": 0.2}


def learned(size: Size, pruning: dict[str, Any]) -> SweepSpec:
    """TPE with a pruner: what is asked and who goes on depends on who reported before."""
    rate = {"distribution": "log_uniform_values", "min": 0.003, "max": 1.9}
    return toy_spec(
        **size.body,
        parameters={"global_batch_size": {"value": BATCH}, "learning_rate": rate},
        method={"type": "tpe", "n_startup_trials": max(2, size.trials // 6)},
        budget={"trials": size.trials},
        pruning=pruning,
    )
