"""The configurations themselves: is there one, can each run, and does each use what it holds?"""

from __future__ import annotations

from sweeps.cells import cell_faults, devices_of, refusal
from sweeps.checks.phases import unread_faults
from sweeps.checks.space import corners
from sweeps.errors import Fault
from sweeps.faults import pointer, shorten
from sweeps.phases import planned_stages
from sweeps.space import MAX_CELLS, Range, grid, size
from sweeps.spec import SweepSpec
from sweeps.trial import Params

_AT: list[str | int] = ["spec", "parameters"]
_DECAY = ("decay_ratio", "min_lr_ratio")


def runnable_faults(spec: SweepSpec, *, refused: bool) -> list[Fault]:
    """Faults of the cells of a finite space, or of the corners of one with ranges.

    `refused` says whether cells that cannot run are faults. A random search in a space with too
    many corners is not looked at: its searcher draws such cells again.
    """
    faults = _devices(spec)
    space = corners(spec.spec.parameters)
    if size(space) > MAX_CELLS:
        return faults
    cells = list(grid(space))
    if not cells and spec.spec.parameters.finite:
        mend = "Take rows out of exclude, or add values."
        rows = shorten(spec.spec.parameters.exclude)
        return [*faults, Fault(pointer([*_AT, "exclude"]), rows, "it excludes every cell", mend)]
    faults += _warmups(cells)
    if spec.spec.workload.recipe == "sft":
        faults += [*_unused(cells), *unread_faults(spec, cells)]
    return faults + (_refused(spec, cells) if refused else [])


def _devices(spec: SweepSpec) -> list[Fault]:
    gpus = spec.spec.resources.gpus_per_trial
    if gpus is None or gpus <= 1 or gpus.is_integer():
        return []
    mend = "Write a whole number, or a share of one GPU like 0.5."
    message = "only a single GPU can be shared"
    return [Fault("/spec/resources/gpus_per_trial", shorten(gpus), message, mend)]


def _warmups(cells: list[Params]) -> list[Fault]:
    if not any("warmup_steps" in cell and "warmup_ratio" in cell for cell in cells):
        return []
    message = "warmup_steps and warmup_ratio say the same thing twice"
    return [Fault(pointer([*_AT, "warmup_ratio"]), "both", message, "Keep one of the two.")]


def _unused(cells: list[Params]) -> list[Fault]:
    """Decay settings in cells whose schedule has no decay of its own."""
    faults = []
    for name in _DECAY:
        schedules = {cell.get("lr_scheduler_type") for cell in cells if name in cell}
        if schedules - {"warmup_stable_decay"}:
            message = "only warmup_stable_decay reads it, and some cells have another schedule"
            mend = f"Add to {name}: when: {{lr_scheduler_type: warmup_stable_decay}}."
            faults.append(Fault(pointer([*_AT, name]), name, message, mend))
    return faults


def _refused(spec: SweepSpec, cells: list[Params]) -> list[Fault]:
    """Cells that cannot run; of a space with ranges only one corner, the worst."""
    horizon, devices = spec.spec.horizon.samples, devices_of(spec)
    stages = planned_stages(spec, horizon)
    recipe = spec.spec.workload.recipe
    told = ((cell, refusal(cell, horizon, devices, stages, recipe)) for cell in cells)
    found = [(cell, why) for cell, why in told if why]
    axes = spec.spec.parameters.axes
    ranged = [
        name
        for name in ("global_batch_size", "warmup_steps", "warmup_ratio")
        if isinstance(axes.get(name), Range)
    ]
    if not found or not ranged:
        return cell_faults(found)
    cell, why = found[-1]
    message = f"a draw may hold a cell that cannot run: {why}"
    mend = f"Narrow min and max of {' or '.join(ranged)}, or lengthen the horizon."
    return [Fault(pointer(_AT), shorten(cell, 200), message, mend)]
