from __future__ import annotations

from typing import Any

import pytest

from sweeps.cost_key import CostKey
from sweeps.cost_model import (
    MARGIN,
    REACH,
    SPREAD,
    UNTRIED,
    USABLE,
    Measurement,
    MemoryLine,
    device_memory,
    fitting_tokens,
    memory_deviation,
    memory_line,
    speed,
    speed_deviation,
    too_large,
    trials_per_device,
)

GB = 2**30
BASE, SLOPE = 8 * GB, GB // 1024


def key(**changes: Any) -> CostKey:
    given = {"model": "m", "max_length": 1024, "adapter": "full", "setup": "s", "device": "gpu"}
    return CostKey.model_validate({**given, **changes})


def row(tokens: int | None = None, memory: int | None = 24, **given: Any) -> Measurement:
    """A trial on a device of `memory` GB, on the line of BASE and SLOPE."""
    at = given.pop("key", key())
    peak = given.pop("peak", None if tokens is None else BASE + SLOPE * tokens)
    return Measurement(
        key=at,
        micro_batch_tokens=tokens,
        peak_memory_bytes=peak,
        device_memory_bytes=None if memory is None else memory * GB,
        **given,
    )


SEVERAL = [row(1024), row(2048), row(4096), row(4096)]


def test_nothing_measured_is_unknown() -> None:
    cpu = [row(memory=None, tokens_per_second=10.0)]
    for rows in ([], cpu, [row(1024, key=key(model="other"))]):
        assert memory_line(rows, key()) is None
        assert fitting_tokens(rows, key()) is None
        assert too_large(rows, key()) is None
        assert trials_per_device(rows, key()) is None
        assert memory_deviation(rows, key()) is None
    assert speed([], key()) is None
    assert speed_deviation(cpu, key()) is None


def test_a_line_through_several_sizes() -> None:
    line = memory_line(SEVERAL, key())
    assert line is not None
    assert line.margin == MARGIN
    assert line.at(8192).middle == pytest.approx(16 * GB)
    assert line.at(0).low == pytest.approx(BASE * (1 - MARGIN))
    # (24 x 0.9 / 1.05 - 8) GB over the slope.
    assert fitting_tokens(SEVERAL, key()) == fitting_tokens(SEVERAL, key(max_length=512)) == 12873
    # Whether a single one fits, a run that tries it will say.
    assert fitting_tokens(SEVERAL, key(max_length=15000)) == 15000
    assert line.fitting(BASE) == 0


def test_a_prediction_goes_no_further_than_its_reach() -> None:
    line = memory_line(SEVERAL, key())
    assert line is not None
    assert line.fitting(10_000 * GB) == 4096 * REACH
    huge = [r.model_copy(update={"device_memory_bytes": 80 * GB}) for r in SEVERAL]
    assert fitting_tokens(huge, key()) is None


def test_of_a_single_size_both_extremes_count() -> None:
    line = memory_line([row(1024), row(1024, peak=9 * GB)], key())
    assert line is not None
    assert line.margin == UNTRIED
    larger, smaller = line.at(2048), line.at(512)
    assert larger.low == pytest.approx(9 * GB * (1 - UNTRIED))
    assert larger.high == pytest.approx(18 * GB * (1 + UNTRIED))
    assert smaller.low == pytest.approx(4.5 * GB * (1 - UNTRIED))
    assert smaller.high == pytest.approx(9 * GB * (1 + UNTRIED))


def test_nearly_one_size_is_one_size() -> None:
    """Noise of the allocator between 1,016 and 1,024 tokens is no slope: at 4,096 tokens its line
    was at 88 GB, where the true one is at 34."""
    peaks = {1016: 30.95, 1020: 31.0, 1024: 31.1}
    rows = [row(tokens, memory=80, peak=int(peak * GB)) for tokens, peak in peaks.items()]
    line = memory_line(rows, key())
    assert line is not None
    assert line.flat == (int(31.0 * GB), 0.0)
    assert line.at(4096).low < 31 * GB < 34 * GB < line.at(4096).high
    assert too_large(rows, key(max_length=4096)) is None
    apart = MemoryLine.fit([(1000, 9 * GB), (int(1000 * SPREAD), 10 * GB)])
    assert apart is not None
    assert apart.flat == apart.steep


def test_the_margin_grows_with_the_error() -> None:
    noisy = [row(1024, peak=9 * GB), row(2048, peak=12 * GB), row(4096, peak=11 * GB)]
    line = memory_line(noisy, key())
    assert line is not None
    assert line.margin > 0.3
    deviation = memory_deviation(noisy, key())
    assert deviation is not None
    assert (deviation.n, deviation.median > MARGIN) == (3, True)


def test_peaks_that_fall_with_the_batch_make_no_negative_line() -> None:
    line = MemoryLine.fit([(1024, 12 * GB), (2048, 10 * GB)])
    assert line is not None
    assert line.flat == line.steep == (11 * GB, 0.0)
    steep = MemoryLine.fit([(1024, GB), (4096, 12 * GB)])
    assert steep is not None
    assert steep.at(0).middle == pytest.approx(0, abs=1)


def test_a_perfect_line_deviates_by_nothing() -> None:
    deviation = memory_deviation(SEVERAL, key())
    assert deviation is not None
    assert deviation.n == 4
    assert deviation.median == pytest.approx(0, abs=1e-9)


def test_too_large_is_said_only_beyond_the_margin_and_within_reach() -> None:
    """One sample of 8192 tokens takes 16 GB."""
    long = key(max_length=8192)
    assert too_large(SEVERAL, long) is None
    small = [*SEVERAL, row(1024, memory=15)]
    assert too_large(small, long) is None, "another device is larger"
    fifteen = [r.model_copy(update={"device_memory_bytes": 15 * GB}) for r in SEVERAL]
    told = too_large(fifteen, long)
    assert told is not None
    assert "one sample of 8192 tokens" in told
    assert "15.00 GB" in told
    sixteen = [r.model_copy(update={"device_memory_bytes": int(15.3 * GB)}) for r in SEVERAL]
    assert too_large(sixteen, long) is None, "within the margin it is tried"
    beyond = key(max_length=4096 * REACH + 1)
    assert too_large(fifteen, beyond) is None, "beyond what was measured nobody knows"


def test_trials_side_by_side() -> None:
    """4096 tokens take 12 GB, and 12.6 with the margin."""
    assert trials_per_device(SEVERAL, key()) == 1
    large = [r.model_copy(update={"device_memory_bytes": 80 * GB}) for r in SEVERAL]
    assert trials_per_device(large, key()) == int(80 * USABLE / 12.6)
    # Half of a device of 48 GB is as good as one of 24.
    twice = [r.model_copy(update={"device_memory_bytes": 48 * GB}) for r in SEVERAL]
    assert fitting_tokens(twice, key(), share=0.5) == fitting_tokens(SEVERAL, key())
    assert device_memory([*large, *SEVERAL], key()) == (24 * GB, 80 * GB)


def test_speed_is_that_of_the_nearest() -> None:
    rows = [
        row(tokens_per_second=10.0),
        row(tokens_per_second=30.0),
        row(tokens_per_second=100.0, key=key(adapter="lora r=16 all-linear")),
        row(tokens_per_second=1.0, key=key(device="cpu")),
    ]
    found = speed(rows, key())
    assert found is not None
    assert (found.low, found.middle, found.high) == (10.0, 20.0, 30.0)
    other = speed(rows, key(adapter="lora r=8 all-linear"))
    assert other is not None
    assert (other.low, other.high) == (10.0, 100.0), "no adapter is nearer than another"
    deviation = speed_deviation(rows, key())
    assert deviation is not None
    # 10 from 30 is off by 2, 30 from 10 by 2/3, 100 from the two by 0.8.
    assert (deviation.n, deviation.median) == (3, pytest.approx(0.8))
