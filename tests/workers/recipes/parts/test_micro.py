from __future__ import annotations

import numpy as np
import pytest

from sweeps.planning import micro_batch
from sweeps.seeds import generator
from workers.recipes.parts.micro import Cut, Limit, cut_batch

LENGTHS = np.random.default_rng(0).integers(3, 60, 53).tolist()


def cut(limit: Limit, ranks: int = 1, step: int = 0) -> Cut:
    return cut_batch(LENGTHS, limit, ranks, generator(0, "noise", step))


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("ranks", [1, 2, 7])
@pytest.mark.parametrize("samples", [1, 4, 64])
def test_every_example_is_in_one_micro_batch_that_is_not_too_large(
    samples: int, ranks: int, packed: bool
) -> None:
    limit = Limit(samples, 59, packed)
    found = cut(limit, ranks)
    parts = [part for rank in found.parts for part in rank]
    assert sorted(place for part in parts for place in part) == list(range(53))
    for part in parts:
        lengths = [LENGTHS[place] for place in part]
        assert sum(lengths) if packed else max(lengths) * len(lengths) <= limit.tokens
    counts = [sum(map(len, rank)) for rank in found.parts]
    assert max(counts) - min(counts) <= 1
    assert found.passes == max(map(len, found.parts))


@pytest.mark.parametrize(("ranks", "samples"), [(1, 8), (2, 3), (7, 4), (3, 64)])
def test_padded_micro_batches_are_those_of_the_plan(ranks: int, samples: int) -> None:
    found, planned = cut(Limit(samples, 59, False), ranks), micro_batch(53, ranks, samples)
    sizes = [[len(part) for part in rank] for rank in found.parts]
    rows = [[row[rank] for row in planned.sizes if row[rank]] for rank in range(ranks)]
    assert sorted(sizes) == sorted(rows)
    assert found.passes == planned.accumulation


def test_a_batch_that_no_number_of_devices_divides_is_met_all_the_same() -> None:
    found = cut_batch([5] * 3840, Limit(16, 5, False), 7, generator(0, "noise", 0))
    planned = micro_batch(3840, 7, 16)
    counts = [sum(map(len, rank)) for rank in found.parts]
    assert sorted(counts) == [548] * 3 + [549] * 4
    assert sum(counts) == 3840
    assert found.passes == planned.accumulation == 35


def test_packing_takes_fewer_passes() -> None:
    assert cut(Limit(4, 59, True)).passes < cut(Limit(4, 59, False)).passes


def test_what_the_noise_is_measured_by_is_drawn_at_random() -> None:
    """By length alone it would be the longest. Of many draws every example has its share."""
    seen = np.zeros(53)
    for step in range(600):
        found = cut(Limit(4, 59, False), ranks=2, step=step)
        assert sorted(found.drawn) == sorted(place for rank in found.parts for place in rank[0])
        seen[list(found.drawn)] += 1
    expected = 600 * 8 / 53
    assert abs(seen - expected).max() < 5 * expected**0.5
    assert cut(Limit(4, 59, False), step=3) == cut(Limit(4, 59, False), step=3)


def test_what_fits_at_once_is_not_cut_for_the_noise() -> None:
    found = cut(Limit(53, 59, True))
    assert (found.passes, found.drawn) == (1, ())


def test_the_others_come_longest_first() -> None:
    _, *others = cut(Limit(4, 59, False)).parts[0]
    lengths = [LENGTHS[place] for part in others for place in part]
    assert lengths == sorted(lengths, reverse=True)


def test_a_limit_is_halved_down_to_one_example() -> None:
    limit = Limit(7, 10, True)
    assert (limit.tokens, limit.halved().samples, limit.halved().tokens) == (70, 3, 30)
    with pytest.raises(ValueError, match="single example"):
        Limit(1, 10, True).halved()
