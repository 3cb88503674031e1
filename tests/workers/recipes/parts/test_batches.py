from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from workers.recipes.parts.batches import SampleOrder, by_length, collate, micro_batches, pad_left
from workers.recipes.parts.data import Examples, tokenise
from workers.recipes.parts.formats import Pair
from workers.recipes.parts.rows import Source
from workers.recipes.parts.tokenizer import train_tokenizer


@pytest.fixture(scope="module")
def examples() -> Examples:
    tokenizer = train_tokenizer(["abc"], 260)
    pairs = [Pair("p" * (i % 4 + 1), "c" * (i % 3 + 1)) for i in range(10)]
    source = Source("t", "/spec", Path("t"), "train")
    return tokenise(source, pairs, tokenizer, 64)


def test_every_epoch_is_another_permutation_and_batches_run_on() -> None:
    order = SampleOrder(10, seed=3)
    stream = order.take(0, 30)
    epochs = [stream[start : start + 10] for start in (0, 10, 20)]
    assert all(sorted(epoch) == list(range(10)) for epoch in epochs)
    assert len({tuple(epoch) for epoch in epochs}) == 3
    assert order.take(7, 8) == stream[7:15]


def test_the_order_depends_on_seed_and_place_alone() -> None:
    ahead = SampleOrder(10, seed=3)
    ahead.take(0, 100)
    assert ahead.take(15, 4) == SampleOrder(10, seed=3).take(15, 4)
    assert ahead.take(0, 10) != SampleOrder(10, seed=4).take(0, 10)


def test_a_batch_is_padded_on_the_right_and_knows_its_targets(examples: Examples) -> None:
    batch = collate(examples, [0, 3], pad=0)
    first, second = examples.example(0)[0], examples.example(3)[0]
    assert batch.ids.shape == (2, len(second))
    assert batch.ids[0].tolist() == [*first, *[0] * (len(second) - len(first))]
    assert batch.mask.sum(1).tolist() == [len(first), len(second)]
    assert batch.label_tokens == 4
    predicted = zip(batch.rows.tolist(), batch.columns.tolist(), strict=True)
    assert [batch.ids[row, column + 1].item() for row, column in predicted] == (
        batch.targets.tolist()
    )
    assert batch.targets.tolist() == [first[1], 2, second[4], 2]


@pytest.mark.parametrize("size", [1, 3, 4, 10, 64])
def test_micro_batches_hold_every_sample_once_the_longest_first(
    examples: Examples, size: int
) -> None:
    chosen = [4, 1, 9, 9, 0, 2, 7]
    parts = list(micro_batches(examples, chosen, size, pad=0))
    assert [len(part.ids) for part in parts][:-1] == [size] * (len(parts) - 1)
    rows = [tuple(r[m.bool()].tolist()) for p in parts for r, m in zip(p.ids, p.mask, strict=True)]
    assert sorted(rows) == sorted(tuple(examples.example(i)[0].tolist()) for i in chosen)
    assert [len(row) for row in rows] == sorted(map(len, rows), reverse=True)


@pytest.mark.parametrize("size", [1, 3, 9])
def test_parts_by_length_hold_every_place_once_the_longest_first(size: int) -> None:
    lengths = [4, 9, 1, 9, 7]
    parts = list(by_length(lengths, size))
    assert [place for part in parts for place in part] == [1, 3, 4, 0, 2]
    assert max(map(len, parts)) == min(size, 5)
    assert list(by_length([], size)) == []


def test_prompts_end_together() -> None:
    ids, mask = pad_left([np.array([5, 6, 7]), np.array([8])], pad=1, device="cpu")
    assert ids.tolist() == [[5, 6, 7], [1, 1, 8]]
    assert mask.tolist() == [[1, 1, 1], [0, 0, 1]]
