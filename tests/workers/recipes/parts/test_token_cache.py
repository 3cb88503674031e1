from __future__ import annotations

import logging
import os
import threading
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from recipe_support import held_out, make_run, tiny_workload, write_rows
from tokenizers import AddedToken

from workers.recipes.parts import token_cache
from workers.recipes.parts.data import Examples, pack
from workers.recipes.parts.materials import materials
from workers.recipes.parts.questions import Questions
from workers.recipes.parts.token_cache import cached, entry, tokenizer_digest
from workers.recipes.parts.tokenizer import train_tokenizer

ROWS = [([1, 2, 3], [False, True, True]), ([4, 5], [False, True])]
EXAMPLES = pack(ROWS, ["zwei", "ünf"], dropped=3)
QUESTIONS = Questions(EXAMPLES, [0, 2], np.array([4.0, 5.0]), [1])


def equal(left: Any, right: Any) -> bool:
    if isinstance(left, dict):
        return left.keys() == right.keys() and all(equal(left[k], right[k]) for k in left)
    if isinstance(left, np.ndarray):
        return bool(np.array_equal(left, right)) and left.dtype == right.dtype
    return bool(left == right)


def never() -> Examples:
    raise AssertionError("it is on disk")


def the_file(folder: Path) -> Path:
    (path,) = folder.glob("*.safetensors")
    return path


@pytest.mark.parametrize("tokens", [EXAMPLES, QUESTIONS])
def test_what_one_made_another_reads(tmp_path: Path, tokens: Any) -> None:
    cached(tmp_path / "tokens", "a", lambda: tokens)
    found: Any = cached(tmp_path / "tokens", "a", never)
    assert equal(asdict(found), asdict(tokens))
    assert type(found) is type(tokens)


@pytest.mark.parametrize("spoil", ["cut", "empty", "bit"])
def test_a_torn_file_is_seen_and_made_anew(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, spoil: str
) -> None:
    cached(tmp_path, "a", lambda: EXAMPLES)
    path = the_file(tmp_path)
    content = bytearray(path.read_bytes())
    content[-2] ^= 1
    path.write_bytes({"cut": path.read_bytes()[:-7], "empty": b"", "bit": bytes(content)}[spoil])
    other = pack(ROWS[:1], ["zwei"], 0)
    assert len(cached(tmp_path, "a", lambda: other)) == 1
    assert "torn" in caplog.text
    assert len(cached(tmp_path, "a", never)) == 1


def test_one_makes_while_the_others_wait(tmp_path: Path) -> None:
    made, found = list[int](), list[Examples]()

    def make() -> Examples:
        made.append(1)
        time.sleep(0.05)
        return EXAMPLES

    threads = [
        threading.Thread(target=lambda: found.append(cached(tmp_path, "a", make))) for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (len(made), len(found)) == (1, 4)


def test_what_cannot_be_kept_is_used_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "file").write_text("")
    assert cached(tmp_path / "file", "a", lambda: EXAMPLES) is EXAMPLES
    assert cached(None, "a", lambda: EXAMPLES) is EXAMPLES

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with caplog.at_level(logging.WARNING):
        assert cached(tmp_path / "tokens", "a", lambda: EXAMPLES) is EXAMPLES
    assert "No space left" in caplog.text
    assert not list((tmp_path / "tokens").glob("*.draft"))


def test_data_that_cannot_be_read_is_asked_for_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """The error is that of the data's own file, not of the disk that tokens are kept on."""
    asked: list[int] = []

    def make() -> Examples:
        asked.append(1)
        raise OSError(5, "Input/output error")

    with pytest.raises(OSError, match="Input/output error"):
        cached(tmp_path / "tokens", "a", make)
    assert (asked, caplog.text) == ([1], "")


def test_one_that_another_worker_dropped_first_is_no_trouble(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    # Listed, and not there when it is looked at.
    (tmp_path / "old.safetensors").symlink_to("nowhere")
    cached(tmp_path, "a", lambda: EXAMPLES)
    assert caplog.text == ""
    cached(tmp_path, "a", never)


def test_what_cannot_be_dropped_is_told_as_that(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    cached(tmp_path, "old", lambda: EXAMPLES)
    os.utime(tmp_path / "old.safetensors", (0, 0))

    def refuse(path: Path, missing_ok: bool = False) -> None:
        raise PermissionError(1, "Operation not permitted")

    with monkeypatch.context() as patch:
        patch.setattr(Path, "unlink", refuse)
        cached(tmp_path, "new", lambda: EXAMPLES)
    assert "is not deleted" in caplog.text
    assert "not kept" not in caplog.text
    cached(tmp_path, "new", never)


def test_what_nobody_reads_is_dropped(tmp_path: Path) -> None:
    for name in ("old", "read"):
        cached(tmp_path, name, lambda: EXAMPLES)
        os.utime(tmp_path / f"{name}.safetensors", (0, 0))
    cached(tmp_path, "read", never)
    cached(tmp_path, "new", lambda: EXAMPLES)
    assert {path.stem for path in tmp_path.glob("*.safetensors")} == {"read", "new"}


def test_a_name_depends_on_the_tokenizer_and_all_else() -> None:
    one, same, other = (train_tokenizer([text], 280) for text in ("abab", "abab", "cdcd"))
    assert tokenizer_digest(one) == tokenizer_digest(same) != tokenizer_digest(other)
    assert entry(one, "x", 8) == entry(same, "x", 8)
    names = {entry(one, "x", 8), entry(other, "x", 8), entry(one, "y", 8), entry(one, "x", 9)}
    assert len(names) == 4
    same.chat_template = "{{ messages }}"
    assert entry(same, "x", 8) != entry(one, "x", 8)
    one.add_tokens([AddedToken("<|call|>")])
    assert tokenizer_digest(one) != tokenizer_digest(train_tokenizer(["abab"], 280))


def test_processes_of_a_node_share_what_is_tokenised(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    workload = tiny_workload(data=held_out(folder))
    kept = folder / "tokens"

    def load() -> Any:  # a fresh worker each time: nothing is in memory
        _, train, evaluator = materials(make_run(folder, workload, token_folder=kept).context)
        return asdict(train.examples), {k: asdict(v) for k, v in evaluator.sets.items()}

    first = load()
    assert len(list(kept.glob("*.safetensors"))) == 3
    for maker in ("tokenise", "tokenise_held_out"):
        monkeypatch.setattr(f"workers.recipes.parts.materials.{maker}", lambda *_: never())
    assert equal(dict(enumerate(load())), dict(enumerate(first)))
    monkeypatch.undo()
    write_rows(folder / "train.jsonl", [{"prompt": "a", "completion": "b"}])
    assert len(load()[0]["answers"]) == 1
    assert token_cache.FORM == 1
