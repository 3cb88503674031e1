from __future__ import annotations

from pathlib import Path
from typing import Any

import judges_of_tests
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


def test_the_judge_scores_the_replies(model: Any) -> None:
    """It hears prompts, replies and right answers; one generation for it and exact match."""
    judges_of_tests.heard.clear()
    asked = Evaluation(max_new_tokens=5, exact_match=True, judge="length", max_examples=4)
    tokens = examples(PAIRS)
    judging = Evaluator(TOKENIZER, {"told": tokens}, asked, 6, "cpu", judge=judges_of_tests.length)
    found = judging(model)
    assert sorted(found) == [
        "eval_told_exact_match", "eval_told_exact_match_stderr", "eval_told_judge",
        "eval_told_judge_stderr", "eval_told_loss", "eval_told_loss_stderr",
    ]  # fmt: skip
    ((prompts, replies, answers),) = judges_of_tests.heard
    chosen = [0, 6, 13, 19]
    assert prompts == [PAIRS[i].prompt for i in chosen]
    assert answers == [PAIRS[i].completion for i in chosen]
    assert replies == Generator(TOKENIZER, 5, 6, "cpu").replies(
        model.eval(), [tokens.prompt(i) for i in chosen]
    )
    scores = [1 / (1 + abs(len(r) - len(a))) for r, a in zip(replies, answers, strict=True)]
    assert found["eval_told_judge"] == pytest.approx(np.mean(scores))
    assert found["eval_told_judge_stderr"] == pytest.approx(np.std(scores, ddof=1) / 2)


def test_unseen_sets_are_evaluated_at_the_end_alone(model: Any) -> None:
    sets = {"told": examples(PAIRS[:8])}
    both = Evaluator(TOKENIZER, sets, Evaluation(), 6, "cpu", unseen={"told": examples(PAIRS[8:])})
    along, end = both(model), both(model, last=True)
    assert sorted(along) == ["eval_told_loss", "eval_told_loss_stderr"]
    alone = Evaluator(TOKENIZER, {"told": examples(PAIRS[8:])}, Evaluation(), 6, "cpu")(model)
    assert end == {**along, **{n.replace("eval_", "unseen_"): v for n, v in alone.items()}}


def test_random_numbers_are_as_they_were_whatever_a_judge_draws(model: Any) -> None:
    def drawing(prompts: Any, replies: Any, answers: Any) -> list[float]:
        return torch.rand(len(replies)).tolist()

    asked = Evaluation(max_new_tokens=2, judge="drawing")
    before = torch.get_rng_state()
    Evaluator(TOKENIZER, {"": examples(PAIRS)}, asked, 6, "cpu", judge=drawing)(model)
    assert torch.equal(torch.get_rng_state(), before)


def test_when_memory_runs_out_batches_are_halved_and_the_numbers_stay(
    model: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = evaluator(PAIRS)(model)
    sizes: list[int] = []

    def limited(model: Any, batch: Any, device: str) -> torch.Tensor:
        sizes.append(len(batch.ids))
        if len(batch.ids) > room:
            raise torch.OutOfMemoryError("CUDA out of memory.")
        return token_losses(model, batch, device)

    monkeypatch.setattr("workers.recipes.parts.likelihood.token_losses", limited)
    room = 2
    assert evaluator(PAIRS, batch=9)(model) == pytest.approx(expected, rel=1e-5)
    assert [sizes[0], sizes[1], *set(sizes[2:])] == [9, 4, 2]
    # Training came to 9, and later to 1: what did not fit once is not tried again.
    trained, trying = [9], evaluator(PAIRS, batch=3)
    trying.training = lambda: trained[0]
    for most, said in ((9, 9), (9, 2), (1, 1)):
        trained[0] = most
        sizes.clear()
        assert trying(model) == pytest.approx(expected, rel=1e-5)
        assert sizes[0] == said
    room = 0
    with pytest.raises(torch.OutOfMemoryError):
        evaluator(PAIRS, batch=2)(model)
