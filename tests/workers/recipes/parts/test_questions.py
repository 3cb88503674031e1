from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
import torch
from recipe_support import TINY
from transformers import PreTrainedTokenizerBase

from sweeps.errors import SpecError
from sweeps.spec import TinyModel
from workers.recipes.parts.choices import Question
from workers.recipes.parts.data import Examples
from workers.recipes.parts.formats import Pair
from workers.recipes.parts.likelihood import loss_sums
from workers.recipes.parts.models import build_tiny
from workers.recipes.parts.questions import (
    Questions,
    accuracies,
    share,
    tokenise_held_out,
    tokenise_questions,
)
from workers.recipes.parts.rows import Source
from workers.recipes.parts.tokenizer import train_tokenizer

SOURCE = Source("mmlu.jsonl", "/spec/workload/data/eval/mmlu", Path("m"), "eval", "mmlu")
TEXTS = ["Question: what is it?\nAnswer: the sea the sea", "the sun the sun shines"]
TOKENIZER = train_tokenizer(TEXTS * 3, 300)
ASKED = [
    Question(1, "Question: what is it?\nAnswer:", ("the sea", "ü", "the sun shines"), 0),
    Question(2, "Question: and that?\nAnswer:", ("no one", "the sun"), 1),
]


def shown(tokenizer: PreTrainedTokenizerBase, asked: Questions) -> list[tuple[str, str]]:
    """Every (prompt, choice) as text."""
    pairs = [asked.examples.example(index) for index in range(len(asked.examples))]
    return [(tokenizer.decode(i[~m]), tokenizer.decode(i[m])) for i, m in pairs]


def test_every_choice_follows_its_prompt_and_is_marked() -> None:
    asked = tokenise_questions(SOURCE, ASKED, TOKENIZER, 64)
    assert shown(TOKENIZER, asked) == [
        (q.prompt, f" {choice}") for q in ASKED for choice in q.choices
    ]
    assert len(asked) == 2
    assert [list(asked.span(q)) for q in range(2)] == [[0, 1, 2], [3, 4]]
    assert asked.right == [0, 1]
    assert asked.sizes.tolist() == [7, 2, 14, 6, 7]


def test_prompt_and_choice_are_encoded_as_one_text() -> None:
    asked = tokenise_questions(SOURCE, ASKED[:1], TOKENIZER, 64)
    ids, marks = asked.examples.example(0)
    assert ids.tolist() == TOKENIZER(f"{ASKED[0].prompt} the sea")["input_ids"]
    # " the" is one token of this tokenizer: the space is the choice's, as in running text.
    assert TOKENIZER.decode(ids[marks][:1]) == " the"


def test_the_end_token_is_no_part_of_a_choice() -> None:
    asked = tokenise_questions(SOURCE, ASKED, TOKENIZER, 64)
    assert TOKENIZER.eos_token_id not in asked.examples.ids


def test_a_tokenizer_that_melts_the_two_leaves_the_last_token_to_the_choice() -> None:
    class Melting:
        """One token for every text."""

        bos_token_id = None

        def __call__(self, texts: str | list[str], **_: object) -> dict[str, object]:
            return {"input_ids": [[5, 6]] * len(texts) if isinstance(texts, list) else []}

    asked = tokenise_questions(SOURCE, ASKED[1:], Melting(), 64)  # type: ignore[arg-type]
    assert asked.examples.learnt.tolist() == [False, True] * 2


@pytest.fixture
def headed() -> PreTrainedTokenizerBase:
    """A tokenizer that puts its begin token before every text, as Llama's does."""
    from tokenizers.processors import TemplateProcessing

    tokenizer = train_tokenizer(TEXTS * 3, 300)
    begin = ("<|bos|>", tokenizer.bos_token_id)
    tokenizer.backend_tokenizer.post_processor = TemplateProcessing(
        single="<|bos|> $A", pair="<|bos|> $A $B", special_tokens=[begin]
    )
    return tokenizer


def test_a_long_prompt_is_cut_from_the_left_and_a_choice_never(
    headed: PreTrainedTokenizerBase,
) -> None:
    whole = tokenise_questions(SOURCE, ASKED, headed, 64)
    cut = tokenise_questions(SOURCE, ASKED, headed, 9)
    for index in range(len(whole.examples)):
        (ids, marks), (left, kept) = whole.examples.example(index), cut.examples.example(index)
        assert ids[0] == headed.bos_token_id
        assert len(ids) > 9
        assert left.tolist() == [headed.bos_token_id, *ids[-8:].tolist()]
        assert left[kept].tolist() == ids[marks].tolist()


def test_a_choice_that_does_not_fit_is_an_error() -> None:
    long = Question(7, "Question: q\nAnswer:", ("no", "y" * 20), 1)
    with pytest.raises(SpecError, match="choice 1 is 21 tokens long") as caught:
        tokenise_questions(SOURCE, [long], TOKENIZER, 21)
    (fault,) = caught.value.faults
    assert fault.pointer == SOURCE.pointer
    assert "mmlu.jsonl, line 7" in fault.value
    assert tokenise_questions(SOURCE, [long], TOKENIZER, 22).examples.learnt.sum() == 21 + 3


def test_a_set_is_what_its_rows_are() -> None:
    assert isinstance(tokenise_held_out(SOURCE, ASKED, TOKENIZER, 64), Questions)
    assert isinstance(tokenise_held_out(SOURCE, [Pair("a", "b")], TOKENIZER, 64), Examples)


@pytest.mark.parametrize("size", [1, 2, 7])
def test_scores_are_the_log_likelihoods_of_the_choices_tokens(size: int) -> None:
    spec = TinyModel.model_validate({**TINY, "vocab_size": 300})
    model = build_tiny(spec).eval()
    asked = tokenise_questions(SOURCE, ASKED, TOKENIZER, 64)
    sums, _ = loss_sums(model, asked.examples, range(5), size, "cpu")
    wanted, tokens = [], []
    for question in ASKED:  # by hand: every choice alone, every prefix anew
        for choice in question.choices:
            ids = TOKENIZER(f"{question.prompt} {choice}")["input_ids"]
            start = len(TOKENIZER(question.prompt)["input_ids"])
            total = 0.0
            for place in range(start, len(ids)):
                with torch.no_grad():
                    logits = model(torch.tensor([ids[:place]])).logits[0, -1].double()
                total += float(logits.log_softmax(-1)[ids[place]])
            wanted.append(total)
            tokens.append(len(ids) - start)
    assert len(set(tokens)) > 2, "choices of one length would prove nothing"
    np.testing.assert_allclose(-sums, wanted, rtol=1e-5)


def test_the_best_score_is_the_answer_and_the_best_per_byte_the_other() -> None:
    asked = tokenise_questions(SOURCE, ASKED, TOKENIZER, 64)
    # Sizes 7, 2, 14 and 6, 7 bytes.
    scores = [-8.0, -4.0, -12.0, -6.5, -7.0]
    found = accuracies(asked, [0, 1], scores)
    assert found["accuracy"] == 0.0  # says 1 and 0
    assert found["accuracy_norm"] == 0.5  # -8/7, -2, -12/14 says 2; -1.08, -1 says 1
    assert found["accuracy_stderr"] == 0.0
    assert found["accuracy_norm_stderr"] == pytest.approx(math.sqrt(0.25 / 1))
    assert accuracies(asked, [1], [-1.0, -0.5]) == {"accuracy": 1.0, "accuracy_norm": 1.0}
    assert accuracies(asked, [1], [-1.0, -1.0])["accuracy"] == 0.0, "equal: the first"


def test_a_score_that_is_no_number_is_no_accuracy() -> None:
    asked = tokenise_questions(SOURCE, ASKED, TOKENIZER, 64)
    found = accuracies(asked, [0, 1], [math.nan, -1.0, -1.0, -1.0, -2.0])
    assert sorted(found) == ["accuracy", "accuracy_norm"]
    assert all(math.isnan(value) for value in found.values())
    # A choice that is impossible is one that loses.
    assert accuracies(asked, [1], [-math.inf, -2.0])["accuracy"] == 1.0
    assert math.isnan(accuracies(asked, [1], [-math.inf, -math.inf])["accuracy"])


def test_the_error_of_a_share_is_that_of_a_mean() -> None:
    hits = [True, False, False, True, True, False, True]
    wanted = np.std(hits, ddof=1) / math.sqrt(len(hits))
    assert share("x", hits) == pytest.approx({"x": 4 / 7, "x_stderr": wanted})
    assert share("x", [True]) == {"x": 1.0}
