"""What the cost model says of a whole sweep: which cells cannot fit, and what a plan shows."""

from __future__ import annotations

import statistics
from collections.abc import Sequence

from sweeps.cells import devices_of
from sweeps.cost_key import CostKey, cost_key
from sweeps.cost_model import (
    Measurement,
    device_memory,
    fitting_tokens,
    memory_deviation,
    memory_line,
    speed,
    speed_deviation,
    too_large,
    trials_per_device,
)
from sweeps.costs import Deviation, Estimate
from sweeps.spec import SweepSpec
from sweeps.trial import Params
from sweeps.wire import Wire

# Parameters that change how much memory a step takes; the key is made of these.
WEIGH = frozenset({"adapter", "lora_r", "lora_target_modules", "trainable_fraction"})
# A kind of device whose memory is not measured.
CPU = "cpu"


class Learned(Wire):
    """Of the cells of a sweep, on the device that trials of its model last ran on in its pool.

    `trials` were measured. `checkpoint_bytes` is the largest last checkpoint of trials like these.
    Of the heaviest cell, `peak_memory_bytes` is the peak with the largest micro-batch that was
    measured, `first_micro_batch` what a trial of it may begin with on any kind of device of the
    pool (samples of the longest length), `trials_per_device` how many of it fit side by side. The
    deviations say how far such predictions were off. None: unknown.
    """

    trials: int
    device: str
    device_memory_bytes: int | None
    checkpoint_bytes: int | None
    tokens_per_second: Estimate | None
    speed_deviation: Deviation | None
    peak_memory_bytes: Estimate | None
    memory_deviation: Deviation | None
    first_micro_batch: int | None
    trials_per_device: int | None


class CostBook:
    """The measurements of one model in one pool, asked for one sweep."""

    def __init__(self, spec: SweepSpec, rows: Sequence[Measurement]) -> None:
        self._spec, self._rows = spec, rows
        self._keys: dict[tuple[tuple[str, object], ...], CostKey] = {}
        self._refusals: dict[CostKey, str | None] = {}

    def refusal(self, cell: Params) -> str | None:
        """Why this cell is not launched: it fits no kind of device that was measured in the pool.

        Where nobody knows, it fits. A spec that sets its micro-batch itself has the last word.
        """
        if not self._rows or self._spec.spec.resources.per_device_train_batch_size is not None:
            return None
        key = self._key(cell)
        if key not in self._refusals:
            self._refusals[key] = self._too_large(key)
        return self._refusals[key]

    def learned(self, cells: Sequence[Params]) -> Learned | None:
        """What is known of these cells; None where nothing was measured."""
        if not self._rows:
            return None
        keys = sorted({self._key(cell) for cell in cells}, key=str)
        rates = [found for key in keys if (found := speed(self._rows, key))]
        lines = [
            (line.at(line.largest), key) for key in keys if (line := memory_line(self._rows, key))
        ]
        peak, heaviest = max(lines, key=lambda one: one[0].high, default=(None, None))
        memory = device_memory(self._rows, keys[0]) if keys else None
        tokens = self.fitting_tokens(cells)
        like = [row for row in self._rows if any(row.key.weighs_like(key) for key in keys)]
        return Learned(
            trials=len(self._rows),
            device=self._rows[0].key.device,
            device_memory_bytes=memory[0] if memory else None,
            checkpoint_bytes=max((row.checkpoint_bytes or 0 for row in like), default=0) or None,
            tokens_per_second=_together(rates),
            speed_deviation=speed_deviation(self._rows, keys[0]) if keys else None,
            peak_memory_bytes=peak,
            memory_deviation=memory_deviation(self._rows, heaviest) if heaviest else None,
            first_micro_batch=None if tokens is None else tokens // keys[0].max_length,
            trials_per_device=trials_per_device(self._rows, heaviest) if heaviest else None,
        )

    def fitting_tokens(self, cells: Sequence[Params], share: float = 1.0) -> int | None:
        """Tokens that a micro-batch of any of these cells may have to begin with, on so much of a
        device, of whatever kind in the pool; None where it is unknown for one of them."""
        if not self._rows:
            return None
        keys = {key for cell in cells for key in self._everywhere(self._key(cell))}
        found = [fitting_tokens(self._rows, key, share) for key in keys]
        known = [one for one in found if one is not None]
        return min(known) if known and len(known) == len(found) else None

    def side_by_side(self, cells: Sequence[Params]) -> bool:
        """True when two trials of any of these cells are known to fit on one device, of whatever
        kind in the pool."""
        if not self._rows:
            return False
        keys = {key for cell in cells for key in self._everywhere(self._key(cell))}
        return bool(keys) and all((trials_per_device(self._rows, key) or 0) >= 2 for key in keys)

    def _too_large(self, key: CostKey) -> str | None:
        reasons = {key.device: too_large(self._rows, key) for key in self._everywhere(key)}
        told = {device: why for device, why in reasons.items() if why is not None}
        if len(told) < len(reasons):
            return None
        return "; ".join(told.values() if len(told) == 1 else map(": ".join, told.items()))

    def _everywhere(self, key: CostKey) -> list[CostKey]:
        """The same on every kind of device of the pool: those that were measured. Where one is a
        GPU, CPUs are none of them, for trials of such a pool run on its GPUs."""
        found = {row.key.device for row in self._rows}
        kinds = sorted(found - {CPU} or found)
        return [key.model_copy(update={"device": kind}) for kind in kinds]

    def _key(self, cell: Params) -> CostKey:
        weighty = {name: cell[name] for name in sorted(WEIGH & cell.keys())}
        told = tuple(weighty.items())
        if told not in self._keys:
            workload, device = self._spec.spec.workload, self._rows[0].key.device
            self._keys[told] = cost_key(workload, weighty, device, devices_of(self._spec))
        return self._keys[told]


def _together(estimates: Sequence[Estimate]) -> Estimate | None:
    if not estimates:
        return None
    return Estimate(
        low=min(one.low for one in estimates),
        middle=statistics.median(one.middle for one in estimates),
        high=max(one.high for one in estimates),
    )
