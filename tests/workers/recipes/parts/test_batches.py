from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from workers.recipes.parts.batches import SampleOrder, by_length, collate, collate_packed, pad_left
from workers.recipes.parts.data import Examples, pack, tokenise
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


def test_a_packed_batch_is_one_row_and_predicts_no_first_token(examples: Examples) -> None:
    batch = collate_packed(examples, [3, 0, 5])
    pairs = [examples.example(index) for index in (3, 0, 5)]
    assert batch.ids.tolist() == [[token for ids, _ in pairs for token in ids]]
    assert batch.mask.sum() == batch.ids.numel()
    assert batch.segments == tuple(len(ids) for ids, _ in pairs)
    assert batch.label_tokens == sum(int(learnt[1:].sum()) for _, learnt in pairs)
    padded = collate(examples, [3, 0, 5], pad=0)
    assert batch.targets.tolist() == padded.targets.tolist()


def test_what_begins_with_a_label_is_not_predicted_by_its_neighbour() -> None:
    rows = [([5, 6], [True, True]), ([7, 8], [True, True])]
    learnt_first = pack(rows, ["", ""], 0)
    assert collate_packed(learnt_first, [0, 1]).targets.tolist() == [6, 8]
    assert learnt_first.label_counts.tolist() == [1, 1]
    assert learnt_first.lengths.tolist() == [2, 2]


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
