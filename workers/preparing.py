"""What must be known before the first trial: the run's length, the data, the device."""

from __future__ import annotations

from sweeps.journal import Prepared
from sweeps.planning import resolve_horizon
from sweeps.spec import SweepSpec
from workers.recipes import load_recipe
from workers.settings import WorkerSettings


def prepare(spec: SweepSpec, settings: WorkerSettings, device_kind: str) -> Prepared:
    """Look at the data and resolve epochs into samples.

    Raises SpecError for data or a model that is not there or not readable.
    """
    recipe = load_recipe(spec.spec.workload.recipe, settings.recipes)
    facts = recipe.prepare(spec.spec.workload, settings.roots())
    horizon = resolve_horizon(spec, facts.train_samples)
    resources = spec.spec.resources
    devices = resources.gpus_per_trial if device_kind == "cuda" else resources.cpus_per_trial
    return Prepared(
        horizon_samples=horizon,
        train_samples=facts.train_samples,
        eval_samples=facts.eval_samples,
        data_digest=facts.data_digest,
        device_kind=device_kind,
        devices_per_trial=devices or 1,
    )
