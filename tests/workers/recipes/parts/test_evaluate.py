from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
import torch
from recipe_support import TINY

from sweeps.spec import Evaluation, TinyModel
from workers.recipes.parts.batches import collate
from workers.recipes.parts.data import Examples, tokenise
from workers.recipes.parts.evaluate import Evaluator, same_answer, token_mean
from workers.recipes.parts.formats import Pair
from workers.recipes.parts.loss import token_losses
from workers.recipes.parts.models import build_tiny
from workers.recipes.parts.rows import Source
from workers.recipes.parts.tokenizer import train_tokenizer

TOKENIZER = train_tokenizer(["abc"], 260)
PAIRS = [Pair("p" * (i % 5 + 1) + " = ", "abcdefg"[: i % 3 + 1]) for i in range(20)]


def examples(pairs: list[Pair]) -> Examples:
    return tokenise(Source("e", "/spec", Path("e"), "eval"), pairs, TOKENIZER, 64)


def evaluator(pairs: list[Pair], batch: int = 6, **evaluation: object) -> Evaluator:
    asked = Evaluation.model_validate(evaluation)
    return Evaluator(TOKENIZER, {"": examples(pairs)}, asked, batch, "cpu")


@pytest.fixture(scope="module")
def model() -> torch.nn.Module:
    """A model that learnt the pairs by heart, more or less."""
    torch.set_num_threads(1)
    built = build_tiny(TinyModel.model_validate(TINY))
    optimizer, batch = (
        torch.optim.AdamW(built.parameters(), lr=0.02),
        collate(examples(PAIRS), range(20), 0),
    )
    for _ in range(60):
        token_losses(built, batch, "cpu").mean().backward()
        optimizer.step()
        optimizer.zero_grad()
    return built


def test_loss_is_the_token_mean_over_the_whole_set(model: torch.nn.Module) -> None:
    found = evaluator(PAIRS)(model)
    whole = token_losses(model.eval(), collate(examples(PAIRS), range(20), 0), "cpu")
    assert found["eval_loss"] == pytest.approx(whole.mean().item(), rel=1e-5)
    assert sorted(found) == ["eval_loss", "eval_loss_stderr"]
    other = evaluator(PAIRS, batch=1)(model)
    assert other == pytest.approx(found, rel=1e-4)
    assert model.training


def test_batched_greedy_answers_are_those_of_one_prompt_at_a_time(model: torch.nn.Module) -> None:
    prompts = {pair.prompt for pair in PAIRS}
    replies = {}
    for prompt in prompts:  # by hand: no padding, no cache
        ids = TOKENIZER(prompt, return_tensors="pt")["input_ids"]
        for _ in range(5):
            ids = torch.cat([ids, model.eval()(ids).logits[:, -1:].argmax(-1)], 1)
        text = TOKENIZER.decode(ids[0]).removeprefix(prompt)
        replies[prompt] = text.partition("<|eos|>")[0]
    wanted = [Pair(pair.prompt, replies[pair.prompt] or "x") for pair in PAIRS]
    assert len(set(replies.values())) > 1, "replies all alike would prove nothing"
    found = evaluator(wanted, exact_match=True, max_new_tokens=5)(model)
    assert found["eval_exact_match"] == 1.0
    cut = [pair.completion == pair.completion[:1] for pair in wanted]
    assert 0 < sum(cut) < len(cut), "some replies must be longer than a token"
    found = evaluator(wanted, exact_match=True, max_new_tokens=1)(model)
    assert found["eval_exact_match"] == sum(cut) / len(cut)
    half = [pair if i % 2 else Pair(pair.prompt, "no!") for i, pair in enumerate(wanted)]
    assert evaluator(half, exact_match=True, max_new_tokens=5)(model)["eval_exact_match"] == 0.5


def test_at_most_max_examples_are_taken_spread_over_the_set(model: torch.nn.Module) -> None:
    some = evaluator(PAIRS, max_examples=5)(model)
    picked = [PAIRS[i] for i in np.linspace(0, 19, 5).round().astype(int)]
    assert some == pytest.approx(evaluator(picked)(model), rel=1e-5)
    assert evaluator(PAIRS, max_examples=500)(model) == evaluator(PAIRS)(model)


def test_evaluating_leaves_the_model_as_it_was(model: torch.nn.Module) -> None:
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    evaluator(PAIRS, exact_match=True)(model)
    assert all(torch.equal(before[name], tensor) for name, tensor in model.state_dict().items())
    assert all(parameter.grad is None for parameter in model.parameters())


def test_nothing_drops_out_in_an_evaluation() -> None:
    dropping = build_tiny(TinyModel.model_validate(TINY))
    for layer in dropping.model.layers:
        layer.self_attn.attention_dropout = 0.5
    batch = collate(examples(PAIRS), range(20), 0)
    first, second = (token_losses(dropping.train(), batch, "cpu").mean() for _ in range(2))
    assert first != second
    assert evaluator(PAIRS)(dropping) == evaluator(PAIRS)(dropping)


def test_the_standard_error_is_that_of_a_ratio() -> None:
    # Equal lengths: it is the standard error of a plain mean.
    sums, tokens = [2.0, 4.0, 9.0], [2, 2, 2]
    found = token_mean(sums, tokens)
    means = np.array([1.0, 2.0, 4.5])
    assert found["loss"] == pytest.approx(2.5)
    assert found["loss_stderr"] == pytest.approx(means.std(ddof=1) / math.sqrt(3))
    # Examples that all have the same loss per token leave no error, whatever their lengths.
    assert token_mean([1.0, 3.0, 5.0], [1, 3, 5])["loss_stderr"] == pytest.approx(0.0)


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


@pytest.mark.parametrize(
    ("reply", "wanted", "marker", "same"),
    [
        ("42", "42", None, True),
        (" 42\n", "42", None, True),
        ("a  b", "a b", None, True),
        ("ab", "a b", None, False),
        ("", "42", None, False),
        ("so 6*7 #### 42", "because #### 42", "####", True),
        ("#### 41 no #### 42", "#### 42", "####", True),
        ("so 42", "because #### 42", "####", False),
        ("so #### 41", "because #### 42", "####", False),
        ("42", "42", "####", True),
    ],
)
def test_answers_are_compared_after_the_marker(
    reply: str, wanted: str, marker: str | None, same: bool
) -> None:
    assert same_answer(reply, wanted, marker) is same
