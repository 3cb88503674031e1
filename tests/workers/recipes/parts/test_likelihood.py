from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
import torch
from recipe_support import TINY

from sweeps.spec import TinyModel
from workers.recipes.parts.data import tokenise
from workers.recipes.parts.formats import Pair
from workers.recipes.parts.likelihood import loss_sums, token_mean
from workers.recipes.parts.models import build_tiny
from workers.recipes.parts.rows import Source
from workers.recipes.parts.tokenizer import train_tokenizer

PAIRS = [Pair("p" * (i % 5 + 1), "abcdefg"[: i % 3 + 1]) for i in range(11)]


@pytest.mark.parametrize("size", [1, 4, 50])
def test_sums_are_those_of_one_token_after_another(size: int) -> None:
    tokenizer = train_tokenizer(["abc"], 260)
    examples = tokenise(Source("e", "/spec", Path("e"), "eval"), PAIRS, tokenizer, 64)
    model = build_tiny(TinyModel.model_validate(TINY)).eval()
    chosen = [7, 0, 4, 10, 2]
    sums, counts = loss_sums(model, examples, chosen, size, "cpu")
    for index, found, count in zip(chosen, sums, counts, strict=True):
        ids, learnt = examples.example(index)
        places = [place for place in range(1, len(ids)) if learnt[place]]
        wanted = 0.0
        for place in places:  # by hand: alone, without padding, every prefix anew
            with torch.no_grad():
                logits = model(torch.tensor([ids[:place]])).logits[0, -1].double().numpy()
            wanted += np.log(np.exp(logits).sum()) - logits[ids[place]]
        assert count == len(places)
        assert found == pytest.approx(wanted, rel=1e-5)


def test_the_standard_error_is_that_of_a_ratio() -> None:
    # Equal lengths: it is the standard error of a plain mean.
    sums, tokens = [2.0, 4.0, 9.0], [2, 2, 2]
    found = token_mean(sums, tokens)
    means = np.array([1.0, 2.0, 4.5])
    assert found["loss"] == pytest.approx(2.5)
    assert found["loss_stderr"] == pytest.approx(means.std(ddof=1) / math.sqrt(3))
    # Examples that all have the same loss per token leave no error, whatever their lengths.
    assert token_mean([1.0, 3.0, 5.0], [1, 3, 5])["loss_stderr"] == pytest.approx(0.0)


def test_the_standard_error_is_that_of_a_bootstrap() -> None:
    rng = np.random.default_rng(1)
    tokens = rng.integers(1, 30, 200)
    sums = tokens * (2.0 + rng.normal(0, 0.5, 200)) + rng.exponential(1.0, 200)
    found = token_mean(sums.tolist(), tokens.tolist())
    assert found["loss"] == pytest.approx(sums.sum() / tokens.sum())
    drawn = rng.integers(0, 200, (4000, 200))
    again = sums[drawn].sum(1) / tokens[drawn].sum(1)
    assert found["loss_stderr"] == pytest.approx(again.std(), rel=0.05)


def test_the_standard_error_covers_what_it_should() -> None:
    rng = np.random.default_rng(0)
    inside = 0
    for _ in range(400):
        tokens = rng.integers(1, 20, 60)
        sums = tokens * (2.0 + rng.normal(0, 0.5, 60))
        found = token_mean(sums.tolist(), tokens.tolist())
        inside += abs(found["loss"] - 2.0) < 1.96 * found["loss_stderr"]
    assert 0.91 < inside / 400 < 0.98


def test_one_example_has_no_error() -> None:
    assert token_mean([3.0], [2]) == {"loss": 1.5}
