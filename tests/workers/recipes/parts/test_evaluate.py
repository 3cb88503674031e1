from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from recipe_support import TINY

from sweeps.spec import Evaluation, TinyModel
from workers.recipes.parts.batches import collate
from workers.recipes.parts.choices import Question
from workers.recipes.parts.data import Examples, tokenise
from workers.recipes.parts.evaluate import Evaluator
from workers.recipes.parts.formats import Pair
from workers.recipes.parts.loss import token_losses
from workers.recipes.parts.models import build_tiny
from workers.recipes.parts.questions import Questions, tokenise_questions
from workers.recipes.parts.replies import Generator
from workers.recipes.parts.rows import Source
from workers.recipes.parts.tokenizer import train_tokenizer

TOKENIZER = train_tokenizer(["abc"], 260)
SOURCE = Source("e", "/spec", Path("e"), "eval")
PAIRS = [Pair("p" * (i % 5 + 1) + " = ", "abcdefg"[: i % 3 + 1]) for i in range(20)]
ASKED = [Question(i, "p" * (i % 5 + 1) + " =", ("a", "ab", "zq"), i % 3) for i in range(20)]


def examples(pairs: list[Pair]) -> Examples:
    return tokenise(SOURCE, pairs, TOKENIZER, 64)


def questions(asked: list[Question]) -> Questions:
    return tokenise_questions(SOURCE, asked, TOKENIZER, 64)


def evaluator(held_out: list[Pair] | Questions, batch: int = 6, **evaluation: object) -> Evaluator:
    asked = Evaluation.model_validate({"max_new_tokens": 5, **evaluation})
    tokens = examples(held_out) if isinstance(held_out, list) else held_out
    return Evaluator(TOKENIZER, {"": tokens}, asked, batch, "cpu")


@pytest.fixture(scope="module")
def model() -> Any:
    """A model that learnt the pairs by heart, more or less."""
    torch.set_num_threads(1)
    built = build_tiny(TinyModel.model_validate(TINY))
    optimizer = torch.optim.AdamW(built.parameters(), lr=0.02)
    batch = collate(examples(PAIRS), range(20), 0)
    for _ in range(60):
        token_losses(built, batch, "cpu").mean().backward()
        optimizer.step()
        optimizer.zero_grad()
    return built


def test_loss_is_the_token_mean_over_the_whole_set(model: Any) -> None:
    found = evaluator(PAIRS)(model)
    whole = token_losses(model, collate(examples(PAIRS), range(20), 0), "cpu")
    assert found["eval_loss"] == pytest.approx(whole.mean().item(), rel=1e-5)
    assert sorted(found) == ["eval_loss", "eval_loss_stderr"]
    other = evaluator(PAIRS, batch=1)(model)
    assert other == pytest.approx(found, rel=1e-4)


def test_exact_match_is_the_share_of_right_replies(model: Any) -> None:
    prompts = [examples(PAIRS).prompt(index) for index in range(20)]
    replies = Generator(TOKENIZER, 5, 3, "cpu").replies(model.eval(), prompts)
    wanted = [Pair(pair.prompt, said) for pair, said in zip(PAIRS, replies, strict=True)]
    assert all(replies)
    found = evaluator(wanted, exact_match=True)(model)
    assert (found["eval_exact_match"], found["eval_exact_match_stderr"]) == (1.0, 0.0)
    cut = [pair.completion == pair.completion[:1] for pair in wanted]
    assert 0 < sum(cut) < len(cut), "some replies must be longer than a token"
    found = evaluator(wanted, exact_match=True, max_new_tokens=1)(model)
    assert found["eval_exact_match"] == sum(cut) / len(cut)
    half = [pair if i % 2 else Pair(pair.prompt, "no!") for i, pair in enumerate(wanted)]
    found = evaluator(half, exact_match=True)(model)
    assert found["eval_exact_match"] == 0.5
    error = np.std([i % 2 for i in range(20)], ddof=1) / 20**0.5
    assert found["eval_exact_match_stderr"] == pytest.approx(error)


def test_answers_are_looked_for_after_the_marker(model: Any) -> None:
    prompts = [examples(PAIRS).prompt(index) for index in range(20)]
    replies = Generator(TOKENIZER, 5, 3, "cpu").replies(model.eval(), prompts)
    # Whatever the model says before its last letter is not asked for.
    marked = [Pair(p.prompt, f"??{r}") for p, r in zip(PAIRS, replies, strict=True)]
    assert evaluator(marked, exact_match=True)(model)["eval_exact_match"] == 0.0
    first = replies[0][0]
    found = evaluator(marked, exact_match=True, answer_marker=first)(model)["eval_exact_match"]
    assert found == sum(first in reply for reply in replies) / 20 > 0


def test_questions_give_accuracy_and_no_loss(model: Any) -> None:
    found = evaluator(questions(ASKED), exact_match=True)(model)
    assert sorted(found) == [
        "eval_accuracy", "eval_accuracy_norm", "eval_accuracy_norm_stderr", "eval_accuracy_stderr",
    ]  # fmt: skip
    right = 0
    for question in ASKED:
        scores = []
        for choice in question.choices:
            (alone,) = [questions([Question(1, question.prompt, (choice, "x"), 0)])]
            losses = token_losses(model.eval(), collate(alone.examples, [0], 0), "cpu")
            scores.append(-losses.sum().item())
        right += int(np.argmax(scores)) == question.right
    assert found["eval_accuracy"] == right / 20
    assert 0 < right < 20, "all or none would prove little"
    assert evaluator(questions(ASKED), batch=1)(model) == found


def test_sets_of_both_kinds_have_their_names(model: Any) -> None:
    sets = {"taught": examples(PAIRS), "mmlu": questions(ASKED)}
    found = Evaluator(TOKENIZER, sets, Evaluation(), 6, "cpu")(model)
    assert sorted(found) == [
        "eval_mmlu_accuracy", "eval_mmlu_accuracy_norm", "eval_mmlu_accuracy_norm_stderr",
        "eval_mmlu_accuracy_stderr", "eval_taught_loss", "eval_taught_loss_stderr",
    ]  # fmt: skip


def test_at_most_max_examples_are_taken_spread_over_the_set(model: Any) -> None:
    places = np.linspace(0, 19, 5).round().astype(int)
    some = evaluator(PAIRS, max_examples=5)(model)
    assert some == pytest.approx(evaluator([PAIRS[i] for i in places])(model), rel=1e-5)
    assert evaluator(PAIRS, max_examples=500)(model) == evaluator(PAIRS)(model)
    few = evaluator(questions(ASKED), max_examples=5)(model)
    assert few == evaluator(questions([ASKED[i] for i in places]))(model)
    assert few["eval_accuracy"] in (0.0, 0.2, 0.4, 0.6, 0.8, 1.0)


@pytest.mark.parametrize("training", [True, False])
def test_evaluating_leaves_everything_as_it_was(model: Any, training: bool) -> None:
    model.train(training)
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    torch.manual_seed(3)
    random = torch.random.get_rng_state(), np.random.get_state()[1].tolist()
    evaluator(PAIRS, exact_match=True)(model)
    evaluator(questions(ASKED))(model)
    assert torch.equal(random[0], torch.random.get_rng_state())
    assert random[1] == np.random.get_state()[1].tolist()
    assert all(torch.equal(before[name], tensor) for name, tensor in model.state_dict().items())
    assert all(parameter.grad is None for parameter in model.parameters())
    assert model.training is training


def test_nothing_drops_out_in_an_evaluation() -> None:
    dropping = build_tiny(TinyModel.model_validate(TINY))
    for layer in dropping.model.layers:
        layer.self_attn.attention_dropout = 0.5
    batch = collate(examples(PAIRS), range(20), 0)
    first, second = (token_losses(dropping.train(), batch, "cpu").mean() for _ in range(2))
    assert first != second
    assert evaluator(PAIRS)(dropping) == evaluator(PAIRS)(dropping)
