"""The configurations of a finite space, and which of them cannot run as written."""

from __future__ import annotations

from collections.abc import Sequence

from sweeps.errors import Fault, SpecError
from sweeps.faults import shorten
from sweeps.points import PHASED, PhasePlan, RunPlan, Stage, run_plan
from sweeps.space import MAX_CELLS, grid, size
from sweeps.spec import SweepSpec
from sweeps.trial import Params

# How many kinds of refused cells an error names one by one.
NAMED = 10


def finite_cells(spec: SweepSpec) -> list[Params] | None:
    """Every configuration of a finite space; None when an axis is continuous, or when random
    draws are made from a space of more than MAX_CELLS combinations.

    Raises SpecError for a grid of more than MAX_CELLS.
    """
    space = spec.spec.parameters
    if not space.finite:
        return None
    if size(space) <= MAX_CELLS:
        return list(grid(space))
    if spec.spec.method.type != "grid":
        return None
    message = f"the values make more than {MAX_CELLS:,} combinations"
    mend = "Shorten the lists, or draw from them with method: {type: random} and budget.trials."
    raise SpecError([Fault("/spec/parameters", f"{size(space):,}", message, mend)])


def devices_of(spec: SweepSpec) -> int:
    """Devices that share one trial's batch; a fraction of a GPU, or none, counts as one."""
    return max(1, int(spec.spec.resources.gpus_per_trial or 0))


def refusal(
    params: Params,
    horizon: int | None,
    devices: int,
    stages: Sequence[Stage] = (),
    recipe: str = "sft",
) -> str | None:
    """Why a configuration cannot run, or None. An unknown horizon, or phases whose lengths are not
    known yet (no `stages`), are not held against it; only the recipe sft has any."""
    batch = int(params.get("global_batch_size", 1))
    if "global_batch_size" in params and batch < devices:
        return f"global_batch_size {batch} is below the {devices} devices of a trial"
    if horizon is None:
        return None
    run = run_plan(params, horizon, 1, stages)
    if not stages and recipe == "sft" and params.get("strategy") == PHASED:
        return None
    return next((why for phase in run.phases if (why := _phase(run, phase, devices))), None)


def _phase(run: RunPlan, phase: PhasePlan, devices: int) -> str | None:
    """What keeps a phase, or a run without any, from being run."""
    where = f"phase {phase.number}: " if run.phased else ""
    if run.phased and phase.global_batch_size < devices:
        size = phase.global_batch_size
        return f"{where}global_batch_size {size} is below the {devices} devices of a trial"
    if not phase.steps:
        return f"{where}no sample is left for it, the last batch of the phase before took them all"
    if phase.warmup_steps and phase.warmup_steps >= phase.steps:
        steps = f"{phase.steps} step{'s' if phase.steps > 1 else ''}"
        what = f"its {steps}" if run.phased else f"the run of {steps}"
        return f"{where}a warmup of {phase.warmup_steps} is not shorter than {what}"
    return None


def cell_faults(refused: Sequence[tuple[Params, str]]) -> list[Fault]:
    """One fault for each kind of cell refused, with the row that would leave it out.

    Cells are of a kind when they agree in batch size and warmup, which is what refuses them.
    """
    kinds: dict[str, list[tuple[Params, str]]] = {}
    for cell, reason in refused:
        kinds.setdefault(_row(cell), []).append((cell, reason))
    faults = []
    for row, alike in list(kinds.items())[:NAMED]:
        cell, reason = alike[0]
        message = "this cell cannot run" if len(alike) == 1 else f"{len(alike)} cells cannot run"
        mend = f"Add it to exclude: [{{{row}}}], or change the axes."
        where = "/spec/parameters"
        faults.append(Fault(where, shorten(cell, 200), f"{message}: {reason}", mend))
    if len(kinds) > NAMED:
        message = f"{len(kinds) - NAMED} more kinds of cells cannot run"
        mend = "`sweepctl plan` lists them; an exclude row may name several values in a list."
        faults.append(Fault("/spec/parameters", f"{len(refused)} cells", message, mend))
    return faults


def _row(cell: Params) -> str:
    """The part of a cell that makes it unable to run, as an exclude row (flow YAML)."""
    names = ["strategy", "global_batch_size", "warmup_steps", "warmup_ratio"]
    names += [name for name in cell if name.startswith("phase")]
    return ", ".join(f"{name}: {cell[name]}" for name in names if name in cell)
