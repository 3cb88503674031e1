"""One sweep on Ray Tune: everything that touches `Tuner` and `ray.init`."""

from __future__ import annotations

import logging
import shutil
from pathlib import Path

import ray
from ray import tune

from workers.tune.bundles import rank_bundles
from workers.tune.ranks import RankedTrainable
from workers.tune.scheduler import ConductorScheduler
from workers.tune.searcher import ConductorSearch
from workers.tune.steering import Steering
from workers.tune.trainable import TrialTrainable

_KINDS = ("CPU", "GPU")


def join_ray(address: str, namespace: str) -> None:
    """Connect to the Ray at `address` (never a bare init, never "auto")."""
    ray.init(
        address=address,
        namespace=namespace,
        log_to_driver=False,
        configure_logging=True,
        logging_level=logging.WARNING,
    )


def cluster_resources() -> dict[str, float]:
    """What the cluster has in all, in Ray's words: CPU, GPU."""
    return {name: float(value) for name, value in ray.cluster_resources().items()}


def largest_node() -> dict[str, float]:
    """The most that one living node has of each kind, in Ray's words."""
    nodes = [node["Resources"] for node in ray.nodes() if node["Alive"]]
    return {kind: max((float(n.get(kind, 0)) for n in nodes), default=0.0) for kind in _KINDS}


def run_tune(steering: Steering, resources: dict[str, float], folder: Path, ranks: int = 1) -> None:
    """Run until the conductor says that the sweep, or this driver's part in it, is over.

    `resources` are those of one trial, in Ray's words ({"cpu": 1, "gpu": 0}); `ranks` processes
    share them. Ray's own files go to `folder` and are deleted: nothing of ours is in them.
    """
    if ranks > 1:
        trial = tune.with_resources(RankedTrainable, rank_bundles(resources, ranks))
    else:
        trial = tune.with_resources(TrialTrainable, resources)
    tuner = tune.Tuner(
        trial,
        tune_config=tune.TuneConfig(
            search_alg=ConductorSearch(steering),
            scheduler=ConductorScheduler(steering),
            num_samples=-1,
            reuse_actors=True,
            trial_name_creator=_name,
            trial_dirname_creator=_name,
        ),
        run_config=tune.RunConfig(
            name="ray",
            storage_path=str(folder),
            verbose=0,
            failure_config=tune.FailureConfig(max_failures=0),
            checkpoint_config=tune.CheckpointConfig(checkpoint_at_end=False),
        ),
    )
    try:
        tuner.fit()
    finally:
        shutil.rmtree(folder / "ray", ignore_errors=True)


def leave_ray() -> None:
    """Disconnect; Ray ends this job's workers."""
    ray.shutdown()


def _name(trial: tune.experiment.Trial) -> str:
    # Ray's default names hold configuration values, slashes among them.
    return str(trial.trial_id)
