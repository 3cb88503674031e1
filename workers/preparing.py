"""What must be known before the first trial: the run's length, the data, the device."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from service.schemas import PastSweeps
from sweeps.checks.sft import measure_faults
from sweeps.errors import Fault, SpecError
from sweeps.faults import shorten
from sweeps.journal import Asked, Entry, PastCurves, Prepared
from sweeps.phases import phase_lengths, phases_of
from sweeps.planning import resolve_horizon
from sweeps.spec import SweepSpec
from sweeps.trial import Role
from workers.recipes import load_recipe
from workers.recipes.commands import read_commands
from workers.registered import check as check_registered
from workers.settings import WorkerSettings


def prepare(spec: SweepSpec, settings: WorkerSettings, device_kind: str) -> Prepared:
    """Look at the data and resolve epochs into samples.

    Raises SpecError for data or a model that is not there or not readable, for a metric that this
    data does not give, and for a base row that this recipe cannot make.
    """
    commands = read_commands(settings.commands)
    recipe = load_recipe(spec.spec.workload.recipe, settings.recipes, commands)
    if spec.spec.baselines.base and Role.BASE not in recipe.rows():
        message = f"the recipe {recipe.name} cannot evaluate an untrained model"
        raise SpecError([Fault("/spec/baselines/base", "true", message, "Leave it out.")])
    if spec.spec.metric.max_drop and Role.BASE not in recipe.rows():
        message = f"the recipe {recipe.name} cannot evaluate the base model, so no drop is known"
        value = shorten(spec.spec.metric.max_drop)
        raise SpecError([Fault("/spec/metric/max_drop", value, message, "Take it out.")])
    check_registered(spec.spec.evaluation, settings.judges, settings.lm_eval_tasks)
    facts = recipe.prepare(spec.spec.workload, settings.roots())
    if facts.questions is not None and (faults := measure_faults(spec, facts.questions)):
        raise SpecError(faults)
    horizon = resolve_horizon(spec, facts.train_samples)
    lengths = list[int]()
    if phases_of(spec.spec.workload) and facts.phase_samples:
        lengths = phase_lengths(spec.spec.workload, horizon, facts.phase_samples)
    ranks = recipe.ranks(_devices(spec, settings, device_kind))
    resources = spec.spec.resources
    devices = resources.gpus_per_trial if device_kind == "cuda" else resources.cpus_per_trial
    return Prepared(
        horizon_samples=horizon,
        train_samples=facts.train_samples,
        eval_samples=facts.eval_samples,
        data_digest=facts.data_digest,
        device_kind=device_kind,
        devices_per_trial=devices or (1 if device_kind == "cuda" else ranks),
        rows=recipe.rows(),
        phase_samples=lengths,
        ranks=ranks,
    )


def _devices(spec: SweepSpec, settings: WorkerSettings, device_kind: str) -> int:
    """How many devices a trial runs on: GPUs, a share of one counting as one, or what the operator
    divides a trial by where there are none."""
    if device_kind == "cuda":
        return max(1, int(spec.spec.resources.gpus_per_trial or 1))
    return settings.cpu_ranks


def past_curves(
    spec: SweepSpec, entries: Sequence[Entry], ask: Callable[[], PastSweeps]
) -> PastCurves | None:
    """Curves of finished sweeps to learn from, as they are now; None where the pruner wants none.

    None too once `entries`, the journal so far, have them, or have a trial: what was decided was
    decided without. Raises what `ask` raises.
    """
    if not getattr(spec.spec.pruning, "history", False):
        return None
    if any(isinstance(entry.body, (PastCurves, Asked)) for entry in entries):
        return None
    return PastCurves(curves=[sweep.model_dump(mode="json") for sweep in ask().items])


def device_of(cluster: Mapping[str, float], expected: str) -> str:
    """What a cluster's trials run on, "cuda" or "cpu", by what it has in all, in Ray's words.

    While it has no node to train on, which is when its nodes are not up yet, `expected` counts.
    """
    if cluster.get("GPU"):
        return "cuda"
    return "cpu" if cluster.get("CPU") else expected


def trial_resources(
    spec: SweepSpec, prepared: Prepared, cluster: Mapping[str, float]
) -> dict[str, float]:
    """What Ray must give one trial ({"cpu": 1, "gpu": 0}).

    Raises SpecError for more than the whole `cluster` has: such a trial would wait for ever. One
    without any CPU is not looked at: its nodes are not up yet, or are being replaced. Of a trial of
    several ranks, `cluster` is the largest node: all its ranks run on one.
    """
    wanted = spec.spec.resources
    on_gpu = prepared.device_kind == "cuda"
    given = {
        "cpu": wanted.cpus_per_trial or prepared.ranks,
        "gpu": prepared.devices_per_trial if on_gpu else (wanted.gpus_per_trial or 0),
    }
    if not cluster.get("CPU"):
        return given
    for kind, field in (("cpu", "cpus_per_trial"), ("gpu", "gpus_per_trial")):
        there = cluster.get(kind.upper(), 0.0)
        if given[kind] > there:
            where = "a node of the pool" if prepared.ranks > 1 else "the pool"
            message = f"one trial wants more than {where} '{wanted.pool}' has ({there:g})"
            mend = "Ask for less, leave it out, or name another pool in resources.pool."
            raise SpecError([Fault(f"/spec/resources/{field}", str(given[kind]), message, mend)])
    return given
