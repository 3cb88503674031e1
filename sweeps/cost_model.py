"""What a trial takes of its device and how fast it runs, learned from trials that were measured.

Peak memory is taken to be a straight line over the tokens of a micro-batch: weights, moments and
gradients are there whatever the batch, activations grow with it. Attention without a fused kernel
grows faster, so a long line says too little; nothing here is trusted beyond REACH times what was
measured. Where nothing was measured the answer is None: unknown, never a guess.
"""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np

from sweeps.cost_key import CostKey
from sweeps.costs import Deviation, Estimate
from sweeps.wire import Wire

# How far beyond the largest measured micro-batch a prediction goes.
REACH = 4
# Micro-batches that differ by less tell no slope: between them it is noise that rises or falls.
SPREAD = 1.5
# The least margin of a prediction, and that of one without three measurements to try it on.
MARGIN, UNTRIED = 0.05, 0.25
# Of a device's memory, what trials may be planned for: each process has a CUDA context and holes
# between its tensors there, which its peak does not count.
USABLE = 0.9


class Measurement(Wire):
    """What one trial took. None: not measured there (memory on a CPU, tokens by a recipe that does
    not count them). `micro_batch_tokens` are those of its largest micro-batch, padding included."""

    key: CostKey
    micro_batch_tokens: int | None = None
    peak_memory_bytes: int | None = None
    device_memory_bytes: int | None = None
    checkpoint_bytes: int | None = None
    tokens_per_second: float | None = None


@dataclass(frozen=True)
class MemoryLine:
    """Peak memory over the tokens of a micro-batch, between two lines and a margin.

    They are one line where the largest micro-batch has SPREAD times the tokens of the smallest.
    Below that they count as a single size, of which nobody knows how much of its peak the batch
    made: all of it (`steep`), or nothing (`flat`). Each is (bytes at 0 tokens, bytes a token).
    """

    flat: tuple[float, float]
    steep: tuple[float, float]
    margin: float
    largest: int

    @classmethod
    def fit(cls, points: Sequence[tuple[int, int]]) -> Self | None:
        """The line of (tokens, peak bytes); None without any."""
        if not points:
            return None
        largest = max(tokens for tokens, _ in points)
        flat, steep = _lines(points)
        off = _left_out(points)
        margin = max(MARGIN, 2 * max(off)) if len(points) >= 3 and off else UNTRIED
        return cls(flat, steep, margin, largest)

    def at(self, tokens: float) -> Estimate:
        """Bytes of a micro-batch of so many tokens; low and high include the margin."""
        ends = [base + slope * tokens for base, slope in (self.flat, self.steep)]
        low, high = min(ends), max(ends)
        return Estimate(
            low=low * (1 - self.margin), middle=(low + high) / 2, high=high * (1 + self.margin)
        )

    def fitting(self, memory: float) -> int:
        """The most tokens of a micro-batch that take at most `memory` bytes, margin included, 0 for
        none; at most REACH times the largest that was measured."""
        limit = self.largest * REACH
        for base, slope in (self.flat, self.steep):
            room = memory / (1 + self.margin) - base
            if room < 0:
                return 0
            if slope > 0:
                limit = min(limit, int(room / slope))
        return limit


def memory_line(rows: Sequence[Measurement], key: CostKey) -> MemoryLine | None:
    """Of trials of the same model, adapter, set-up and device, whatever their longest sequence: it
    is tokens that count. None when no such trial had its memory measured."""
    return MemoryLine.fit(_points([row for row in rows if row.key.weighs_like(key)]))


def speed(rows: Sequence[Measurement], key: CostKey) -> Estimate | None:
    """Tokens per second, from the trials on the same device that have most in common with `key`.

    The range is over those trials. None when no trial of this model was measured there.
    """
    found = [
        (row.key.likeness(key), row.tokens_per_second)
        for row in rows
        if row.tokens_per_second and row.key.runs_like(key)
    ]
    if not found:
        return None
    nearest = max(likeness for likeness, _ in found)
    rates = [rate for likeness, rate in found if likeness == nearest]
    return Estimate(low=min(rates), middle=statistics.median(rates), high=max(rates))


def device_memory(rows: Sequence[Measurement], key: CostKey) -> tuple[int, int] | None:
    """The smallest and the largest memory of the devices of this kind that were seen, None when
    nobody told."""
    found = [
        row.device_memory_bytes
        for row in rows
        if row.device_memory_bytes and row.key.device == key.device
    ]
    return (min(found), max(found)) if found else None


def fitting_tokens(rows: Sequence[Measurement], key: CostKey, share: float = 1.0) -> int | None:
    """The most tokens of a micro-batch on `share` of the smallest device seen, at least a sample of
    the longest length. None: unknown, or beyond the reach of what was measured."""
    line, memory = memory_line(rows, key), device_memory(rows, key)
    if line is None or memory is None:
        return None
    found = line.fitting(memory[0] * USABLE * share)
    return None if found >= line.largest * REACH else max(found, key.max_length)


def too_large(rows: Sequence[Measurement], key: CostKey) -> str | None:
    """Why a single sample of the longest length does not fit on any device of this kind that was
    seen, None when it may.

    Said only where the low end of the prediction is beyond the largest device, and not beyond the
    reach of what was measured: a wrong yes costs an attempt, a wrong no a trial.
    """
    line, memory = memory_line(rows, key), device_memory(rows, key)
    if line is None or memory is None or key.max_length > line.largest * REACH:
        return None
    low = line.at(key.max_length).low
    if low <= memory[1]:
        return None
    return (
        f"one sample of {key.max_length} tokens is predicted to take at least {_gb(low)} of "
        f"memory, {line.margin:.0%} margin taken off; the largest device seen has {_gb(memory[1])}"
    )


def trials_per_device(rows: Sequence[Measurement], key: CostKey) -> int | None:
    """How many trials of this kind fit on one device side by side, each with the micro-batch that
    was measured; None where that is unknown."""
    line, memory = memory_line(rows, key), device_memory(rows, key)
    if line is None or memory is None:
        return None
    return max(1, int(memory[0] * USABLE / line.at(line.largest).high))


def memory_deviation(rows: Sequence[Measurement], key: CostKey) -> Deviation | None:
    """How far peaks of trials like `key` were from what the others foretold; None below two."""
    off = _left_out(_points([row for row in rows if row.key.weighs_like(key)]))
    return Deviation(median=statistics.median(off), n=len(off)) if off else None


def speed_deviation(rows: Sequence[Measurement], key: CostKey) -> Deviation | None:
    """The same of tokens per second."""
    like = [row for row in rows if row.tokens_per_second and row.key.runs_like(key)]
    off = []
    for place, row in enumerate(like):
        foretold = speed([*like[:place], *like[place + 1 :]], row.key)
        if foretold is not None and row.tokens_per_second:
            off.append(abs(foretold.middle - row.tokens_per_second) / row.tokens_per_second)
    return Deviation(median=statistics.median(off), n=len(off)) if off else None


def _points(rows: Sequence[Measurement]) -> list[tuple[int, int]]:
    return [
        (row.micro_batch_tokens, row.peak_memory_bytes)
        for row in rows
        if row.micro_batch_tokens and row.peak_memory_bytes
    ]


def _lines(points: Sequence[tuple[int, int]]) -> tuple[tuple[float, float], tuple[float, float]]:
    """The flat and the steep line; twice the same where sizes are apart."""
    tokens, peaks = (np.array(side, dtype=np.float64) for side in zip(*points, strict=True))
    if tokens.max() < SPREAD * tokens.min():
        return (float(np.median(peaks)), 0.0), (0.0, float(np.median(peaks / tokens)))
    slope = float(np.cov(tokens, peaks, bias=True)[0, 1] / np.var(tokens))
    # More tokens never take less, and no tokens do not take less than nothing.
    slope = min(max(slope, 0.0), float(np.mean(peaks) / np.mean(tokens)))
    line = (float(np.mean(peaks) - slope * np.mean(tokens)), slope)
    return line, line


def _left_out(points: Sequence[tuple[int, int]]) -> list[float]:
    """For each point, how far the middle of the lines through the others is off, relatively."""
    off = []
    for place, (tokens, peak) in enumerate(points):
        others = [*points[:place], *points[place + 1 :]]
        if others:
            ends = [base + slope * tokens for base, slope in _lines(others)]
            off.append(abs(sum(ends) / 2 - peak) / peak)
    return off


def _gb(count: float) -> str:
    return f"{count / 2**30:.2f} GB"
