"""How trials are placed, by what the cost model knows of others: how many share a device, and what
their micro-batch begins with."""

from __future__ import annotations

from collections.abc import Sequence

from sweeps.checks.space import corners
from sweeps.cost_model import Measurement
from sweeps.journal import Prepared
from sweeps.learned import CPU, CostBook
from sweeps.space import MAX_CELLS, grid, size
from sweeps.spec import SweepSpec

HALF = 0.5


def place(
    prepared: Prepared, spec: SweepSpec, costs: Sequence[Measurement], *, share: bool
) -> Prepared:
    """`prepared` with what follows from the `costs` of earlier trials. Without any, or on CPUs,
    where memory is not measured, it stays as it is.

    `share` is the operator's wish: two trials on one GPU when the spec does not say how many GPUs
    a trial gets, and two of any of its configurations are known to fit.
    """
    space = corners(spec.spec.parameters)
    rows = [row for row in costs if row.key.device != CPU]
    if prepared.device_kind == CPU or not rows or size(space) > MAX_CELLS:
        return prepared
    book, cells = CostBook(spec, rows), list(grid(space))
    devices = prepared.devices_per_trial
    if share and spec.spec.resources.gpus_per_trial is None and book.side_by_side(cells):
        devices = HALF
    tokens = book.fitting_tokens(cells, share=min(1.0, devices))
    update = {"devices_per_trial": devices, "micro_batch_tokens": tokens}
    return prepared.model_copy(update=update)
