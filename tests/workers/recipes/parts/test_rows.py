from __future__ import annotations

import hashlib
from pathlib import Path

import pytest
from recipe_support import write_rows

from sweeps.errors import SpecError
from sweeps.spec import Data
from workers.recipes.parts.rows import Source, eval_sources, train_source
from workers.roots import DataRoots


def source(folder: Path, content: bytes) -> Source:
    (folder / "data.jsonl").write_bytes(content)
    return train_source(Data(train="data.jsonl"), DataRoots((folder,)))


def test_rows_come_with_their_line_numbers(folder: Path) -> None:
    text = '\ufeff{"a": 1}\r\n\n  {"a": "2024-01-01T00:00:00"}  \n{"a": null}'
    found = source(folder, text.encode())
    assert found.read() == [(1, {"a": 1}), (3, {"a": "2024-01-01T00:00:00"}), (4, {"a": None})]
    assert found.digest() == hashlib.sha256(text.encode()).hexdigest()


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "no example in it"),
        (b"\n  \n", "no example in it"),
        (b'{"a": 1}\n{"a": 1', "not JSON .*line 2"),
        (b'{"a": 1}\n[1, 2]\n', "not a JSON object .*line 2"),
        (b'{"a": "\xff"}\n', "not JSON .*line 1"),
        (b"[" * 100_000, "not JSON .*line 1"),
    ],
)
def test_a_bad_file_is_an_error_that_names_the_line(
    folder: Path, content: bytes, said: str
) -> None:
    found = source(folder, content)
    with pytest.raises(SpecError, match=said) as caught:
        found.read()
    assert [fault.pointer for fault in caught.value.faults] == ["/spec/workload/data/train"]
    assert len(str(caught.value)) < 1000


def test_a_folder_is_no_file(folder: Path) -> None:
    (folder / "sub").mkdir()
    with pytest.raises(SpecError, match="this is a folder"):
        train_source(Data(train="sub"), DataRoots((folder,)))


def test_eval_sets_keep_their_names_and_order(folder: Path) -> None:
    roots = DataRoots((folder,))
    assert eval_sources(Data(train="train.jsonl"), roots) == []
    (single,) = eval_sources(Data(train="train.jsonl", eval="eval.jsonl"), roots)
    assert (single.label, single.pointer) == ("", "/spec/workload/data/eval")
    sets = {"z": "eval.jsonl", "a": "train.jsonl"}
    named = eval_sources(Data(train="train.jsonl", eval=sets), roots)
    assert [(s.label, s.pointer, s.use) for s in named] == [
        ("z", "/spec/workload/data/eval/z", "eval"),
        ("a", "/spec/workload/data/eval/a", "eval"),
    ]


def test_a_hub_data_set_that_cannot_be_reached_is_an_error(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("datasets.config.HF_HUB_OFFLINE", True)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    found = train_source(Data(train="nobody/nothing"), DataRoots((folder,)))
    assert found.path is None
    with pytest.raises(SpecError, match="hub data set cannot be loaded") as caught:
        found.read()
    assert caught.value.faults[0].pointer == "/spec/workload/data/train"


def test_the_digest_follows_the_bytes(folder: Path) -> None:
    write_rows(folder / "data.jsonl", [{"a": 1}])
    found = train_source(Data(train="data.jsonl"), DataRoots((folder,)))
    before = found.digest()
    assert before == found.digest()
    write_rows(folder / "data.jsonl", [{"a": 2}])
    assert found.digest() != before
