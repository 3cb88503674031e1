from __future__ import annotations

from pathlib import Path

import pytest

from sweeps.errors import SpecError
from workers.recipes.parts.tokenizer import load_tokenizer, train_tokenizer

AT = "/spec/workload/model"
TEXTS = ["the cat sat on the mat", "the dog sat on the cat", "naïve 猫 🙂"] * 5


def test_any_text_comes_back_as_it_was() -> None:
    tokenizer = train_tokenizer(TEXTS, 300)
    for text in ["the cat", "  two  spaces\n\ttab", "żółw 猫 🙂", "\x00\x7f"]:
        ids = tokenizer(text, add_special_tokens=False)["input_ids"]
        assert tokenizer.decode(ids, clean_up_tokenization_spaces=False) == text
    assert 260 < len(tokenizer) <= 300


def test_the_smallest_knows_bytes_alone() -> None:
    tokenizer = train_tokenizer(TEXTS, 260)
    assert len(tokenizer) == 260
    assert len(tokenizer("猫")["input_ids"]) == 3


def test_equal_texts_make_equal_tokenizers() -> None:
    first, second = (train_tokenizer(TEXTS, 290).backend_tokenizer.to_str() for _ in range(2))
    assert first == second
    assert train_tokenizer(TEXTS[:2], 290).backend_tokenizer.to_str() != first


def test_the_chat_template_opens_and_closes_turns() -> None:
    tokenizer = train_tokenizer(TEXTS, 260)
    messages = [{"role": "user", "content": "hi"}]
    assert tokenizer.apply_chat_template(messages, tokenize=False, add_generation_prompt=True) == (
        "<|bos|><|turn|>user\nhi<|eos|>\n<|turn|>assistant\n"
    )


def test_it_is_saved_and_loaded(tmp_path: Path) -> None:
    tokenizer = train_tokenizer(TEXTS, 280)
    tokenizer.save_pretrained(tmp_path)
    loaded = load_tokenizer("base", tmp_path, AT)
    assert loaded("the cat")["input_ids"] == tokenizer("the cat")["input_ids"]
    assert loaded.chat_template == tokenizer.chat_template
    assert (loaded.pad_token_id, loaded.eos_token_id) == (0, 2)


def test_without_a_pad_token_it_pads_with_the_end(tmp_path: Path) -> None:
    tokenizer = train_tokenizer(TEXTS, 260)
    tokenizer.pad_token = None
    tokenizer.save_pretrained(tmp_path)
    assert load_tokenizer("base", tmp_path, AT).pad_token_id == 2


def test_without_an_end_token_it_is_refused(tmp_path: Path) -> None:
    tokenizer = train_tokenizer(TEXTS, 260)
    tokenizer.eos_token = None
    tokenizer.save_pretrained(tmp_path)
    with pytest.raises(SpecError, match="no end token"):
        load_tokenizer("base", tmp_path, AT)


def test_a_folder_without_one_is_an_error_at_the_pointer(tmp_path: Path) -> None:
    with pytest.raises(SpecError, match="cannot be loaded") as caught:
        load_tokenizer("base", tmp_path, AT)
    assert caught.value.faults[0].pointer == AT
