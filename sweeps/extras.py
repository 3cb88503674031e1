"""What a sweep runs beside its search, and what that costs."""

from __future__ import annotations

from collections.abc import Sequence

from sweeps.baselines import BUILT_IN, refused_preset, wanted
from sweeps.costs import Estimate, Measured, device_hours, samples_of, trial_hours
from sweeps.spec import SweepSpec
from sweeps.trial import Params, Role
from sweeps.wire import Wire


class Extra(Wire):
    """Runs that count to no budget of trials. `samples` are those of all `runs`, the hours as in
    `Plan`; None: unknown. `what` says it in words."""

    role: Role
    runs: int
    samples: int | None
    trial_hours: Estimate | None
    gpu_hours: Estimate | None
    what: str


def extras(
    spec: SweepSpec,
    trials: int,
    typical: Sequence[Params],
    horizon: int | None,
    measured: Sequence[Measured],
) -> list[Extra]:
    """Base, preset and confirmation runs of a search of `trials` configurations like `typical`."""
    found = []
    for role, params in wanted(spec, BUILT_IN.get(spec.spec.workload.recipe, ()), horizon):
        if role is Role.BASE:
            what = "the base model, evaluated without training"
            found.append(_extra(spec, role, 1, [], 0, measured, what))
        else:
            what = f"one whole run with the parameters of {spec.spec.baselines.preset}"
            found.append(_extra(spec, role, 1, [params], horizon, measured, what))
    confirm = spec.spec.confirm
    if confirm is not None:
        top = min(confirm.top, trials)
        what = f"the best {top} again, whole, on {confirm.seeds} fresh seeds each"
        found.append(
            _extra(spec, Role.CONFIRM, top * confirm.seeds, typical, horizon, measured, what)
        )
    return found


def extra_notes(spec: SweepSpec, horizon: int | None) -> list[str]:
    """What a plan cannot tell, or leaves out, of these rows."""
    asked, recipe = spec.spec.baselines, spec.spec.workload.recipe
    if recipe not in BUILT_IN:
        if asked.base is False:
            return []
        return [f"Whether {recipe} can evaluate its base model, only its workers know."]
    refused = refused_preset(spec, horizon)
    return [f"No row of the preset {asked.preset}: {refused}."] if refused else []


def _extra(
    spec: SweepSpec,
    role: Role,
    runs: int,
    cells: Sequence[Params],
    horizon: int | None,
    measured: Sequence[Measured],
    what: str,
) -> Extra:
    hours = trial_hours(cells, runs, horizon, measured) if horizon else None
    gpus = device_hours(hours, spec.spec.resources.gpus_per_trial, measured) if hours else None
    samples = None if horizon is None else runs * horizon
    if horizon and len(cells) == 1:
        samples = runs * samples_of(cells[0], horizon)
    return Extra(
        role=role, runs=runs, samples=samples, trial_hours=hours, gpu_hours=gpus, what=what
    )
