"""What a sweep will run and what it will cost; how a batch is cut for the devices of a trial."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

from sweeps.cells import devices_of, finite_cells, refusal
from sweeps.cost_model import Measurement
from sweeps.costs import (
    Deviation,
    Estimate,
    Measured,
    device_hours,
    rate_deviation,
    samples_of,
    trial_hours,
)
from sweeps.disk import most_checkpoints
from sweeps.errors import Fault, SpecError
from sweeps.extras import Extra, extra_notes, extras
from sweeps.learned import CostBook, Learned
from sweeps.phases import phases_of, planned_stages
from sweeps.points import Stage, run_plan
from sweeps.prefixes import shared_checkpoints, shared_samples
from sweeps.space import Choice, Range, size
from sweeps.spec import SweepSpec
from sweeps.trial import Params
from sweeps.wire import Wire

# How many refused cells a plan lists; it counts them all.
LISTED = 100


class RefusedCell(Wire):
    """A configuration that cannot run as written, and why."""

    params: Params
    reason: str


class Plan(Wire):
    """A dry run. `None` means unknown: nothing was measured, or the data was not yet counted.

    `raw_cells` are all combinations, `excluded` those that `exclude` or `when` takes out, `cells`
    the rest (all None for a space that is not listed); `trials` is what runs, never more than
    budget.trials. Samples and hours are those of unpruned runs; `trial_hours` one after the other,
    `gpu_hours` times the GPUs of a trial. `measured` counts the measurements behind them. Of the
    samples, `shared_samples` need not be run: trials that begin with the same phases run those
    once. All of these are the search; `extra` is what runs beside it.
    `hours_deviation` says how far such hours were off, `learned` is what the cost model knows, and
    `disk_bytes` what checkpoints may take at most until the sweep ends.
    """

    method: str
    raw_cells: int | None
    excluded: int | None
    cells: int | None
    trials: int
    refused_count: int
    refused: list[RefusedCell]
    horizon_samples: int | None
    total_samples: int | None
    steps_min: int | None
    steps_max: int | None
    trial_hours: Estimate | None
    gpu_hours: Estimate | None
    measured: int
    notes: list[str]
    extra: list[Extra] = []
    shared_samples: int = 0
    hours_deviation: Deviation | None = None
    learned: Learned | None = None
    disk_bytes: int | None = None


@dataclass(frozen=True)
class MicroBatch:
    """A global batch cut exactly: `sizes` has one row for each of the `accumulation` passes and in
    it the samples of each device, at most `per_device`. Only the last row may be short."""

    per_device: int
    accumulation: int
    sizes: tuple[tuple[int, ...], ...]


def micro_batch(global_batch: int, devices: int, limit: int | None) -> MicroBatch:
    """Cut `global_batch` samples for `devices` (0 is one CPU), at most `limit` a device and pass.

    The sizes sum to `global_batch` whatever the hardware. The remainder is in the last pass, spread
    evenly; a device may get 0 there. Raises ValueError for a batch below the number of devices.
    """
    devices = max(1, devices)
    if global_batch < devices:
        raise ValueError(f"a global batch of {global_batch} cannot feed {devices} devices")
    share = -(-global_batch // devices)
    per_device = share if limit is None else min(limit, share)
    full, rest = divmod(global_batch, per_device * devices)
    rows = [(per_device,) * devices] * full
    if rest:
        even, more = divmod(rest, devices)
        rows.append(tuple(even + (device < more) for device in range(devices)))
    return MicroBatch(per_device, len(rows), tuple(rows))


def resolve_horizon(spec: SweepSpec, train_samples: int | None) -> int:
    """Samples of one run: as written, or ceil(epochs x train_samples).

    Raises SpecError for epochs of data that nobody counted or that is empty.
    """
    horizon = spec.spec.horizon
    if horizon.samples is not None:
        return horizon.samples
    if not train_samples:
        found = "no training samples" if train_samples == 0 else "data that was not counted"
        message = "epochs need training data whose samples are known"
        mend = "Write horizon: {samples: N}, or check data.train."
        raise SpecError([Fault("/spec/horizon/epochs", found, message, mend)])
    # Through the decimal text: 0.1 epochs of 10 samples is 1, as a person reads it.
    return math.ceil(Fraction(str(horizon.epochs)) * train_samples)


def plan(
    spec: SweepSpec,
    measured: Sequence[Measured] = (),
    train_samples: int | None = None,
    costs: Sequence[Measurement] = (),
) -> Plan:
    """What `spec` will run. Raises SpecError for a grid over MAX_CELLS combinations."""
    counted = train_samples is not None or spec.spec.horizon.samples is not None
    horizon = resolve_horizon(spec, train_samples) if counted else None
    cells, stages = finite_cells(spec), planned_stages(spec, horizon)
    book = CostBook(spec, costs)
    runnable, refused = _sort_out(spec, cells or [], horizon, stages, book)
    trials = _trials(spec, cells, len(runnable))
    known = runnable[:trials] if spec.spec.method.type == "grid" else runnable
    typical = known or [{"global_batch_size": batch} for batch in _batches(spec)]
    hours = trial_hours(typical, trials, horizon, measured) if horizon else None
    steps = [run_plan(cell, horizon, 1, stages).steps for cell in typical] if horizon else []
    raw = size(spec.spec.parameters) if cells is not None else None
    learned = book.learned(typical)
    each = learned.checkpoint_bytes if learned else None
    extra = extras(spec, trials, typical, horizon, measured)
    shared = shared_checkpoints(spec, known, trials)
    return Plan(
        method=spec.spec.method.type,
        raw_cells=raw,
        excluded=None if cells is None or raw is None else raw - len(cells),
        cells=None if cells is None else len(cells),
        trials=trials,
        refused_count=len(refused),
        refused=refused[:LISTED],
        horizon_samples=horizon,
        total_samples=_total(known, trials, horizon, stages),
        shared_samples=shared_samples(spec, known, horizon, stages) if horizon else 0,
        steps_min=min(steps, default=None),
        steps_max=max(steps, default=None),
        trial_hours=hours,
        gpu_hours=device_hours(hours, spec.spec.resources.gpus_per_trial, measured)
        if hours
        else None,
        measured=len(measured),
        notes=[
            *_notes(spec, len(runnable), trials, bool(hours), horizon),
            *extra_notes(spec, horizon),
        ],
        extra=extra,
        hours_deviation=rate_deviation(measured),
        learned=learned,
        disk_bytes=each and each * most_checkpoints(spec, trials, shared, extra),
    )


def _sort_out(
    spec: SweepSpec,
    cells: list[Params],
    horizon: int | None,
    stages: Sequence[Stage],
    book: CostBook,
) -> tuple[list[Params], list[RefusedCell]]:
    devices, recipe = devices_of(spec), spec.spec.workload.recipe
    runnable, refused = [], []
    for cell in cells:
        reason = refusal(cell, horizon, devices, stages, recipe) or book.refusal(cell)
        if reason is None:
            runnable.append(cell)
        else:
            refused.append(RefusedCell(params=cell, reason=reason))
    return runnable, refused


def _trials(spec: SweepSpec, cells: list[Params] | None, runnable: int) -> int:
    budget = spec.spec.budget.trials
    if cells is None:
        return budget or 0
    return runnable if budget is None else min(budget, runnable)


def _total(
    known: list[Params], trials: int, horizon: int | None, stages: Sequence[Stage]
) -> int | None:
    """Samples of all runs; where draws decide, the horizon stands for each run."""
    if horizon is None:
        return None
    if len(known) == trials:
        return sum(samples_of(cell, horizon, stages) for cell in known)
    return trials * horizon


def _batches(spec: SweepSpec) -> list[int]:
    """The smallest and largest global batch that a draw may hold."""
    space = spec.spec.parameters
    axis = space.axes.get("global_batch_size")
    if isinstance(axis, Range):
        return [int(axis.min), int(axis.max)]
    values = [row["global_batch_size"] for row in space.paired if "global_batch_size" in row]
    if isinstance(axis, Choice):
        values = axis.values
    return [int(value) for value in values] or [1]


def _notes(
    spec: SweepSpec, runnable: int, trials: int, timed: bool, horizon: int | None
) -> list[str]:
    body, notes = spec.spec, []
    if body.method.type == "grid" and trials < runnable:
        notes.append(f"budget.trials: the first {trials} of {runnable} cells run, in grid order.")
    if horizon is None:
        notes.append("The horizon is in epochs; the data is counted when the sweep starts.")
    elif not timed:
        notes.append("Time is unknown: no trial of this workload was measured in this pool yet.")
    if phases_of(body.workload) and not planned_stages(spec, horizon):
        notes.append("How long each phase is follows from its data, counted when the sweep starts.")
    if body.pruning.type != "never" and trials < 4:
        notes.append("Fewer than 4 trials: only the guards stop runs, nothing is pruned.")
    elif body.pruning.type != "never" and _only_final(spec):
        notes.append(
            f"{body.metric.name} is measured only at the end, so nothing is pruned by it; "
            "lower evaluation.every_points to judge earlier."
        )
    return notes


def _only_final(spec: SweepSpec) -> bool:
    body = spec.spec
    of_windows = body.metric.name in ("loss", "grad_norm")
    return not of_windows and body.evaluation.every_points >= body.report.points
