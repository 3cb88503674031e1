"""Would any cell run out of memory, by what the cost model learned from other trials?"""

from __future__ import annotations

from collections.abc import Sequence

from sweeps.checks.space import corners
from sweeps.cost_model import Measurement
from sweeps.documents import in_line
from sweeps.errors import Fault
from sweeps.faults import shorten
from sweeps.learned import WEIGH, CostBook
from sweeps.space import MAX_CELLS, grid, size
from sweeps.spec import SweepSpec
from sweeps.trial import Params


def memory_faults(spec: SweepSpec, costs: Sequence[Measurement]) -> list[Fault]:
    """One fault for each kind of cell that is known not to fit the pool's devices; a single one
    where none fits.

    Cells are of a kind when they agree in what weighs. Of ranges only the ends are looked at: what
    lies between is drawn when the sweep runs, and falls back on smaller micro-batches.
    """
    space = corners(spec.spec.parameters)
    if not costs or size(space) > MAX_CELLS:
        return []
    book = CostBook(spec, costs)
    kinds: dict[str, tuple[Params, str]] = {}
    some_fit = False
    for cell in grid(space):
        if (why := book.refusal(cell)) is None:
            some_fit = True
        else:
            weighty = {name: cell[name] for name in sorted(WEIGH & cell.keys())}
            kinds.setdefault(shorten(weighty, 200), (weighty, why))
    if kinds and not some_fit:
        return [_fault({}, next(iter(kinds.values()))[1])]
    return [_fault(weighty, why) for weighty, why in kinds.values()]


def _fault(weighty: Params, why: str) -> Fault:
    anyway = "to try all the same, write resources.per_device_train_batch_size: 1"
    if not weighty:
        mend = f"Shorten workload.max_length, or train an adapter; {anyway}."
        return Fault("/spec/workload/max_length", "all cells", why, mend)
    mend = f"Add to exclude: {in_line([weighty])}, or shorten workload.max_length; {anyway}."
    message = f"these cells cannot run: {why}"
    return Fault("/spec/parameters", in_line(weighty)[1:-1], message, mend)
