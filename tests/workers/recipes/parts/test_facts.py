from __future__ import annotations

import hashlib
from pathlib import Path

import pytest
from recipe_support import TINY, tiny_workload, write_rows

from sweeps.errors import SpecError
from workers.recipes.parts.facts import prepare
from workers.roots import DataRoots


def digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def test_it_counts_rows_and_names_the_content(folder: Path) -> None:
    data = {"train": "train.jsonl", "eval": {"a": "eval.jsonl", "b": "eval.jsonl"}}
    facts = prepare(tiny_workload(data=data), DataRoots((folder,)))
    assert (facts.train_samples, facts.eval_samples) == (10, 4)
    train, held_out = digest(folder / "train.jsonl"), digest(folder / "eval.jsonl")
    lines = f"train  {train}\neval a {held_out}\neval b {held_out}\n"
    assert facts.data_digest == hashlib.sha256(lines.encode()).hexdigest()


def test_without_held_out_data_there_are_none(folder: Path) -> None:
    facts = prepare(tiny_workload(data={"train": "train.jsonl"}), DataRoots((folder,)))
    assert facts.eval_samples == 0


def test_every_bad_file_is_named_at_once(folder: Path) -> None:
    (folder / "train.jsonl").write_text("{")
    write_rows(folder / "b.jsonl", [{"text": "x"}])
    data = {"train": "train.jsonl", "eval": {"a": "eval.jsonl", "b": "b.jsonl"}}
    with pytest.raises(SpecError) as caught:
        prepare(tiny_workload(model="missing", data=data), DataRoots((folder,)))
    assert [fault.pointer for fault in caught.value.faults] == [
        "/spec/workload/model", "/spec/workload/data/train", "/spec/workload/data/eval/b",
    ]  # fmt: skip


def test_missing_files_are_named_at_once(folder: Path) -> None:
    data = {"train": "no.jsonl", "eval": "nor.jsonl"}
    with pytest.raises(SpecError) as caught:
        prepare(tiny_workload(data=data), DataRoots((folder,)))
    assert [fault.pointer for fault in caught.value.faults] == [
        "/spec/workload/data/train", "/spec/workload/data/eval",
    ]  # fmt: skip


@pytest.mark.parametrize("name", ["model", "data"])
def test_model_and_data_are_required(folder: Path, name: str) -> None:
    with pytest.raises(SpecError) as caught:
        prepare(tiny_workload(**{name: None}), DataRoots((folder,)))
    assert [fault.pointer for fault in caught.value.faults] == [f"/spec/workload/{name}"]


@pytest.mark.parametrize(
    ("files", "said"),
    [
        ([], "no folder with a config.json"),
        (["config.json"], r"no \.safetensors file"),
        (["config.json", "pytorch_model.bin"], r"no \.safetensors file"),
        (["config.json", "model.safetensors"], None),
    ],
)
def test_a_model_folder_holds_safetensors(folder: Path, files: list[str], said: str | None) -> None:
    (folder / "base").mkdir()
    for name in files:
        (folder / "base" / name).touch()
    workload, roots = tiny_workload(model="base"), DataRoots((folder,))
    if said is None:
        assert prepare(workload, roots).train_samples == 10
        return
    with pytest.raises(SpecError, match=said):
        prepare(workload, roots)


def test_a_tokenizer_folder_holds_one(folder: Path) -> None:
    (folder / "tok").mkdir()
    with pytest.raises(SpecError, match=r"no folder with a tokenizer\.json") as caught:
        prepare(tiny_workload(model={**TINY, "tokenizer": "tok"}), DataRoots((folder,)))
    assert caught.value.faults[0].pointer == "/spec/workload/model/tokenizer"


def test_a_hub_model_is_not_looked_for(folder: Path) -> None:
    assert prepare(tiny_workload(model="owner/name"), DataRoots((folder,))).train_samples == 10
