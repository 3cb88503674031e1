from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from recipe_support import TINY
from transformers import GPT2Config, GPT2LMHeadModel

from sweeps.errors import SpecError
from sweeps.spec import TinyModel
from workers.recipes.parts.batches import collate
from workers.recipes.parts.data import tokenise
from workers.recipes.parts.formats import Pair
from workers.recipes.parts.loss import token_losses
from workers.recipes.parts.models import build_tiny, positions
from workers.recipes.parts.replies import Generator, same_answer
from workers.recipes.parts.rows import Source
from workers.recipes.parts.tokenizer import train_tokenizer

TOKENIZER = train_tokenizer(["abc"], 260)
PAIRS = [Pair("p" * (i % 5 + 1) + " = ", "abcdefg"[: i % 3 + 1]) for i in range(20)]
PROMPTS = [np.array(TOKENIZER(pair.prompt)["input_ids"], np.int64) for pair in PAIRS[:5]]


def gpt2() -> Any:
    """Learned absolute positions: a wrong position is another embedding."""
    torch.manual_seed(0)
    config = GPT2Config(
        vocab_size=260, n_positions=32, n_embd=16, n_layer=2, n_head=2, resid_pdrop=0.0,
        embd_pdrop=0.0, attn_pdrop=0.0, bos_token_id=1, eos_token_id=2,
    )  # fmt: skip
    return GPT2LMHeadModel(config)


@pytest.fixture(scope="module", params=["llama", "gpt2"])
def model(request: pytest.FixtureRequest) -> Any:
    """A model that learnt the pairs by heart, more or less."""
    torch.set_num_threads(1)
    built = gpt2() if request.param == "gpt2" else build_tiny(TinyModel.model_validate(TINY))
    source = Source("e", "/spec", Path("e"), "eval")
    batch = collate(tokenise(source, PAIRS, TOKENIZER, 64), range(20), 0)
    optimizer = torch.optim.AdamW(built.parameters(), lr=0.02)
    for _ in range(60):
        token_losses(built, batch, "cpu").mean().backward()
        optimizer.step()
        optimizer.zero_grad()
    return built.eval()


def by_hand(model: Any, prompt: Any, tokens: int) -> str:
    """Alone: no padding, no cache."""
    ids = torch.tensor(np.asarray(prompt))[None]
    start = ids.shape[1]
    for _ in range(tokens):
        with torch.no_grad():
            ids = torch.cat([ids, model(ids).logits[:, -1:].argmax(-1)], 1)
        if ids[0, -1] == TOKENIZER.eos_token_id:
            break
    return TOKENIZER.decode(ids[0, start:], skip_special_tokens=True)


def generator(tokens: int = 6, size: int = 4) -> Generator:
    return Generator(TOKENIZER, tokens, size, "cpu")


@pytest.mark.parametrize("size", [1, 2, 5])
def test_a_batch_says_what_each_prompt_alone_says(model: Any, size: int) -> None:
    wanted = [by_hand(model, prompt, 6) for prompt in PROMPTS]
    assert len(set(wanted)) > 1, "replies all alike would prove nothing"
    assert len({len(text) for text in wanted}) > 1, "some must end before others"
    assert generator(6, size).replies(model, PROMPTS) == wanted


def test_no_more_than_max_new_tokens(model: Any) -> None:
    for tokens in (1, 2):
        wanted = [by_hand(model, prompt, tokens) for prompt in PROMPTS]
        assert generator(tokens).replies(model, PROMPTS) == wanted


def test_a_token_that_the_makers_named_ends_a_reply_too(model: Any) -> None:
    wanted = [by_hand(model, prompt, 6) for prompt in PROMPTS]
    longest = max(wanted, key=len)
    assert len(longest) > 1
    (stop,) = TOKENIZER(longest[1])["input_ids"]
    kept = model.generation_config.eos_token_id
    model.generation_config.eos_token_id = [stop]
    try:
        found = generator().replies(model, PROMPTS)
    finally:
        model.generation_config.eos_token_id = kept
    # The makers' token is no special one, so it stays in the text; nothing follows it.
    ends = [text.find(longest[1]) for text in wanted]
    assert found == [t if e < 0 else t[: e + 1] for t, e in zip(wanted, ends, strict=True)]
    assert found != wanted or longest[2:] == ""


def test_the_models_own_habits_do_not_count(model: Any) -> None:
    wanted = generator().replies(model, PROMPTS)
    model.generation_config.repetition_penalty = 0.01
    model.generation_config.suppress_tokens = TOKENIZER("abc")["input_ids"]
    try:
        assert generator().replies(model, PROMPTS) == wanted
        assert model.generation_config.repetition_penalty == 0.01
    finally:
        model.generation_config.repetition_penalty = None
        model.generation_config.suppress_tokens = None


def test_a_long_prompt_loses_its_first_tokens(model: Any) -> None:
    room = positions(model) - 5
    begin = TOKENIZER.bos_token_id
    long = np.concatenate([np.arange(10, 10 + room, dtype=np.int64), PROMPTS[0]])
    headed = np.concatenate([[begin], long])
    (found,) = generator(5).replies(model, [long])
    assert found == by_hand(model, long[-room:], 5)
    (found,) = generator(5).replies(model, [headed])
    assert found == by_hand(model, [begin, *long[-(room - 1) :]], 5)


def test_a_reply_that_cannot_fit_is_refused(model: Any) -> None:
    with pytest.raises(SpecError, match=f"{positions(model)} positions") as caught:
        generator(positions(model)).replies(model, PROMPTS)
    assert caught.value.faults[0].pointer == "/spec/evaluation/max_new_tokens"


def test_a_reply_to_nothing_follows_the_begin_token(model: Any) -> None:
    empty = np.array([], np.int64)
    found = generator().replies(model, [PROMPTS[0], empty])
    assert found == [by_hand(model, p, 6) for p in (PROMPTS[0], [TOKENIZER.bos_token_id])]


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


def test_replies_are_made_in_batches_with_a_cache(monkeypatch: pytest.MonkeyPatch) -> None:
    """What goes through the model: the prompts of a batch once, then one token each at a time."""
    built = build_tiny(TinyModel.model_validate(TINY)).eval()
    shapes: list[tuple[int, ...]] = []
    forward = built.forward

    def seen(*args: Any, **kwargs: Any) -> Any:
        shapes.append(tuple(kwargs["input_ids"].shape))
        return forward(*args, **kwargs)

    monkeypatch.setattr(built, "forward", seen)
    Generator(TOKENIZER, 4, 3, "cpu").replies(built, PROMPTS)
    longest = sorted((len(prompt) for prompt in PROMPTS), reverse=True)
    assert shapes[0] == (3, longest[0])
    first = shapes.index((2, longest[3]))
    assert all(shape == (3, 1) for shape in shapes[1:first])
    assert all(shape == (2, 1) for shape in shapes[first + 1 :])
    assert len(shapes) <= 2 * 4
