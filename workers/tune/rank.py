"""One process of a trial on several devices: the Ray actor that runs on one of them."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import ray
from ray.util.scheduling_strategies import PlacementGroupSchedulingStrategy

from workers.order import AttemptOrder
from workers.runner import Runner
from workers.tune.trainable import CACHE, AttemptError, TrialTrainable, has_worn, limit_threads


class Rank:
    """One process of a trial, on one device. Rank 0 leads, the others follow."""

    def __init__(self, rank: int, size: int) -> None:
        self._rank, self._size = rank, size
        self._trainable: TrialTrainable | None = None

    def join(self, meeting: str, device: str) -> int:
        """Meet the others; the process id. Returns when all are there."""
        from workers.recipes.group import Group  # torch: the watcher imports this module too

        self._world = Group(self._rank, self._size, Path(meeting), device)
        return os.getpid()

    def begin(self, config: dict[str, Any]) -> None:
        """Rank 0: take the order for an attempt."""
        if self._trainable is None:
            self._trainable = TrialTrainable(config)
            self._trainable.world = self._world
        else:
            self._trainable.reset_config(config)

    def lead(self, call: str) -> dict[str, Any]:
        """Rank 0: `step`, `save` (and end the attempt) or `stop`, as TrialTrainable answers it."""
        made = self._trainable
        assert made is not None  # noqa: S101 - for the type checker
        try:
            if call == "stop":
                made.cleanup()
                return {}
            result: dict[str, Any] = made.step() if call == "step" else made.save_checkpoint("")
            return result
        except AttemptError as error:
            return failure(error.text, error.fatal, error.lost)

    def here(self) -> None:
        """Answers when it lives and is not at work."""

    def follow(self, config: dict[str, Any]) -> dict[str, Any]:
        """The others: run an attempt to where rank 0 ends it. Says how it ended here, and whether
        this process has grown too much to be kept."""
        order = AttemptOrder.model_validate_json(config["order"])
        limit_threads(order)
        said = Runner(order, _Silence(), CACHE, self._world).to_its_end()
        if said.kind == "failed":
            return failure(said.error or "", said.fatal, said.lost)
        return {"kind": said.kind, "worn": has_worn(order)}


def start_rank(rank: int, group: Any) -> Any:
    """A rank in its own bundle of the trial's placement group."""
    bundle = group.bundle_specs[rank + 1]
    place = PlacementGroupSchedulingStrategy(group, placement_group_bundle_index=rank + 1)
    made = ray.remote(Rank).options(
        num_cpus=bundle.get("CPU", 0), num_gpus=bundle.get("GPU", 0), scheduling_strategy=place
    )
    return made.remote(rank, len(group.bundle_specs) - 1)


def failure(error: str, fatal: bool, lost: bool) -> dict[str, Any]:
    """An AttemptError as an answer: Ray would wrap an exception in one of its own."""
    return {"kind": "failed", "error": error, "fatal": fatal, "lost": lost}


class _Silence:
    """The metric log of a rank that is not the first: all ranks would say the same."""

    def append(self, step: int, metrics: Mapping[str, float]) -> None:
        """Nothing."""
