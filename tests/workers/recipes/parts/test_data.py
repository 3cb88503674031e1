from __future__ import annotations

import logging
from pathlib import Path

import pytest
from transformers import PreTrainedTokenizerBase

from sweeps.errors import SpecError
from workers.recipes.parts.data import Examples, cut_left, tokenise
from workers.recipes.parts.formats import Chat, Example, Pair
from workers.recipes.parts.rows import Source
from workers.recipes.parts.tokenizer import train_tokenizer

SOURCE = Source("train.jsonl", "/spec/workload/data/train", Path("train.jsonl"), "train")
CHAT = Chat((
    {"role": "system", "content": "S"},
    {"role": "user", "content": "Q1"},
    {"role": "assistant", "content": "A1"},
    {"role": "user", "content": "Q2"},
    {"role": "assistant", "content": "A2"},
    {"role": "user", "content": "Q3"},
))  # fmt: skip


@pytest.fixture(scope="module")
def tokenizer() -> PreTrainedTokenizerBase:
    return train_tokenizer(["abc"], 260)


def shown(tokenizer: PreTrainedTokenizerBase, examples: Examples, index: int) -> tuple[str, str]:
    """The text of an example, and of its learnt tokens."""
    ids, learnt = examples.example(index)
    return tokenizer.decode(ids), tokenizer.decode(ids[learnt])


def test_the_completion_and_its_end_are_learnt(tokenizer: PreTrainedTokenizerBase) -> None:
    pairs = [Pair("ab = ", "ba"), Pair("", "xyz")]
    examples = tokenise(SOURCE, pairs, tokenizer, 64)
    assert shown(tokenizer, examples, 0) == ("ab = ba<|eos|>", "ba<|eos|>")
    assert shown(tokenizer, examples, 1) == ("xyz<|eos|>", "xyz<|eos|>")
    assert tokenizer.decode(examples.prompt(0)) == "ab = "
    assert len(examples.prompt(1)) == 0
    assert (examples.answers, len(examples), examples.dropped) == (["ba", "xyz"], 2, 0)


def test_a_begin_token_is_put_where_the_tokenizer_puts_one(
    tokenizer: PreTrainedTokenizerBase,
) -> None:
    from tokenizers.processors import TemplateProcessing

    opening = train_tokenizer(["abc"], 260)
    opening.backend_tokenizer.post_processor = TemplateProcessing(
        single="<|bos|> $A", special_tokens=[("<|bos|>", 1)]
    )
    examples = tokenise(SOURCE, [Pair("a", "b")], opening, 64)
    assert shown(tokenizer, examples, 0) == ("<|bos|>ab<|eos|>", "b<|eos|>")


def test_the_assistants_turns_are_learnt_and_the_last_is_the_answer(
    tokenizer: PreTrainedTokenizerBase,
) -> None:
    examples = tokenise(SOURCE, [CHAT], tokenizer, 500)
    text, learnt = shown(tokenizer, examples, 0)
    rendered = tokenizer.apply_chat_template(list(CHAT.messages), tokenize=False)
    assert text == rendered
    assert learnt == "A1<|eos|>\nA2<|eos|>\n"
    assert tokenizer.decode(examples.prompt(0)).endswith("Q2<|eos|>\n<|turn|>assistant\n")
    assert examples.answers == ["A2"]


def test_cutting_drops_what_has_nothing_left_to_learn(
    tokenizer: PreTrainedTokenizerBase, caplog: pytest.LogCaptureFixture
) -> None:
    pairs = [Pair("a" * 5, "b" * 9), Pair("a" * 8, "b"), Pair("a" * 7, "b" * 9), Pair("", "b")]
    with caplog.at_level(logging.WARNING):
        examples = tokenise(SOURCE, pairs, tokenizer, 8)
    assert [shown(tokenizer, examples, i)[1] for i in range(len(examples))] == [
        "bbb", "b", "b<|eos|>",
    ]  # fmt: skip
    assert examples.dropped == 1
    assert "train.jsonl: dropped 1 of 4 examples" in caplog.text


def test_an_example_whose_only_label_comes_first_is_dropped(
    tokenizer: PreTrainedTokenizerBase,
) -> None:
    # Nothing predicts the first token.
    examples = tokenise(SOURCE, [Pair("", "abc"), Pair("ab", "c")], tokenizer, 3)
    assert len(examples) == 2
    with pytest.raises(SpecError, match="anything to learn within 1 tokens") as caught:
        tokenise(SOURCE, [Pair("", "abc")], tokenizer, 1)
    assert caught.value.faults[0].pointer == "/spec/workload/max_length"


@pytest.mark.parametrize(
    ("ids", "length", "begin", "kept"),
    [
        ([1, 2, 3], 3, None, [1, 2, 3]),
        ([1, 2, 3], 2, None, [2, 3]),
        ([1, 2, 3], 2, 1, [1, 3]),
        ([1, 2, 3], 1, 1, [1]),
        ([2, 1, 3], 2, 1, [1, 3]),
        ([], 4, 1, []),
    ],
)
def test_cutting_from_the_left_leaves_the_begin_token(
    ids: list[int], length: int, begin: int | None, kept: list[int]
) -> None:
    assert cut_left(ids, length, begin) == kept


def test_many_examples_keep_their_order(tokenizer: PreTrainedTokenizerBase) -> None:
    pairs: list[Example] = [Pair("x" * (i % 7), str(i)) for i in range(2500)]
    examples = tokenise(SOURCE, pairs, tokenizer, 64)
    assert len(examples) == 2500
    for index in (0, 999, 1000, 2499):
        assert shown(tokenizer, examples, index)[1] == f"{index}<|eos|>"


@pytest.mark.parametrize(
    ("template", "said"),
    [
        (None, "chat template fails"),
        ("{{ raise_exception('no system role') }}", "no system role"),
        ("{{ messages | length }}{% for m in messages %}{{ m.content }}{% endfor %}", "anew"),
    ],
)
def test_a_chat_template_that_fails_is_an_error(template: str | None, said: str) -> None:
    tokenizer = train_tokenizer(["abc"], 260)
    tokenizer.chat_template = template
    with pytest.raises(SpecError, match=said) as caught:
        tokenise(SOURCE, [CHAT], tokenizer, 64)
    assert caught.value.faults[0].pointer == "/spec/workload/data/train"
