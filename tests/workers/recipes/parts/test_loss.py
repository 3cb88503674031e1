from __future__ import annotations

from contextlib import nullcontext
from pathlib import Path

import pytest
import torch
from recipe_support import TINY

from sweeps.spec import TinyModel
from workers.recipes.parts.batches import collate
from workers.recipes.parts.data import tokenise
from workers.recipes.parts.formats import Pair
from workers.recipes.parts.loss import precision, token_losses
from workers.recipes.parts.models import build_tiny
from workers.recipes.parts.rows import Source
from workers.recipes.parts.tokenizer import train_tokenizer


def test_padding_changes_nothing_and_labels_are_those_of_transformers() -> None:
    tokenizer = train_tokenizer(["abc"], 260)
    pairs = [Pair("ab = ", "ba"), Pair("abcdefgh = ", "hgfedcba"), Pair("a", "b")]
    source = Source("t", "/spec", Path("t"), "train")
    examples = tokenise(source, pairs, tokenizer, 64)
    model = build_tiny(TinyModel.model_validate(TINY)).eval()
    together = token_losses(model, collate(examples, [0, 1, 2], pad=0), "cpu")
    alone = [token_losses(model, collate(examples, [i], pad=0), "cpu") for i in range(3)]
    torch.testing.assert_close(together, torch.cat(alone), rtol=1e-5, atol=1e-6)
    for index, losses in enumerate(alone):
        ids, learnt = (torch.from_numpy(array)[None] for array in examples.example(index))
        theirs = model(input_ids=ids, labels=ids.masked_fill(~learnt, -100)).loss
        assert losses.mean().item() == pytest.approx(theirs.item(), rel=1e-5)


def test_the_padding_token_itself_does_not_matter() -> None:
    tokenizer = train_tokenizer(["abc"], 260)
    source = Source("t", "/spec", Path("t"), "train")
    examples = tokenise(source, [Pair("a", "b"), Pair("abcd", "efgh")], tokenizer, 64)
    model = build_tiny(TinyModel.model_validate(TINY)).eval()
    zero, seven = (token_losses(model, collate(examples, [0, 1], p), "cpu") for p in (0, 7))
    assert torch.equal(zero, seven)


@pytest.mark.filterwarnings("ignore:CUDA is not available")
def test_a_cpu_computes_in_float32_and_cuda_in_bf16() -> None:
    assert isinstance(precision("cpu"), nullcontext)
    cuda = precision("cuda")
    assert isinstance(cuda, torch.autocast)
    assert cuda.fast_dtype == torch.bfloat16
