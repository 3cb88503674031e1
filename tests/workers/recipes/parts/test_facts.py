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


def test_it_says_which_sets_ask_multiple_choice(folder: Path) -> None:
    asked = {"question": "2+2?", "choices": ["3", "4"], "answer": 1}
    write_rows(folder / "mmlu.jsonl", [asked] * 3)
    data = {"train": "train.jsonl", "eval": {"kept": "mmlu.jsonl", "taught": "eval.jsonl"}}
    facts = prepare(tiny_workload(data=data), DataRoots((folder,)))
    assert (facts.eval_samples, facts.questions) == (5, ("kept",))
    alone = {"train": "train.jsonl", "eval": "mmlu.jsonl"}
    assert prepare(tiny_workload(data=alone), DataRoots((folder,))).questions == ("",)
    assert prepare(tiny_workload(), DataRoots((folder,))).questions == ()
    write_rows(folder / "mmlu.jsonl", [asked, {**asked, "answer": 2}])
    with pytest.raises(SpecError, match=r"mmlu\.jsonl, line 2"):
        prepare(tiny_workload(data=data), DataRoots((folder,)))


def test_questions_are_nothing_to_train_on(folder: Path) -> None:
    write_rows(folder / "mmlu.jsonl", [{"question": "2+2?", "choices": ["3", "4"], "answer": 1}])
    with pytest.raises(SpecError, match="/spec/workload/data/train"):
        prepare(tiny_workload(data={"train": "mmlu.jsonl"}), DataRoots((folder,)))


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


def test_a_hub_model_is_looked_up_once_before_any_trial(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In the hub's own cache folder, since no test may need the network."""
    cache = tmp_path / "hub"
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(cache))
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    workload, roots = tiny_workload(model="owner/name"), DataRoots((folder,))
    with pytest.raises(SpecError, match=r"the hub gave no config\.json") as caught:
        prepare(workload, roots)
    assert caught.value.faults[0].pointer == "/spec/workload/model"
    assert "under a data root" in caught.value.faults[0].mend
    home = cache / "models--owner--name"
    (home / "refs").mkdir(parents=True)
    (home / "refs" / "main").write_text("0" * 40)
    (home / "snapshots" / ("0" * 40)).mkdir(parents=True)
    (home / "snapshots" / ("0" * 40) / "config.json").write_text("{}")
    assert prepare(workload, roots).train_samples == 10


UNSEEN = [{"prompt": "mouse = ", "completion": "esuom"}]


def test_unseen_sets_are_part_of_the_digest(folder: Path) -> None:
    write_rows(folder / "unseen.jsonl", UNSEEN)
    data = {"train": "train.jsonl", "eval": "eval.jsonl"}
    plain = prepare(tiny_workload(data=data), DataRoots((folder,)))
    facts = prepare(tiny_workload(data={**data, "unseen": "unseen.jsonl"}), DataRoots((folder,)))
    assert (facts.train_samples, facts.eval_samples) == (10, 2)
    assert facts.data_digest != plain.data_digest


@pytest.mark.parametrize("used", ["train", "eval"])
def test_a_set_with_the_content_of_another_is_not_unseen(folder: Path, used: str) -> None:
    """By content: another name for the same rows is no other set."""
    (folder / "copy.jsonl").write_bytes((folder / f"{used}.jsonl").read_bytes())
    data = {"train": "train.jsonl", "eval": "eval.jsonl", "unseen": "copy.jsonl"}
    with pytest.raises(SpecError, match=f"content of /spec/workload/data/{used}: it is not unseen"):
        prepare(tiny_workload(data=data), DataRoots((folder,)))


def test_the_halves_of_a_set_are_of_one_kind(folder: Path) -> None:
    write_rows(folder / "unseen.jsonl", UNSEEN)
    write_rows(folder / "mmlu.jsonl", [{"question": "2+2?", "choices": ["3", "4"], "answer": 1}])
    for evals, unseen in (("mmlu.jsonl", "unseen.jsonl"), ("eval.jsonl", "mmlu.jsonl")):
        data = {"train": "train.jsonl", "eval": {"a": evals}, "unseen": {"a": unseen}}
        with pytest.raises(SpecError, match="/spec/workload/data/unseen/a: it "):
            prepare(tiny_workload(data=data), DataRoots((folder,)))
        data["unseen"] = {"b": unseen}
        assert prepare(tiny_workload(data=data), DataRoots((folder,))).eval_samples


def test_missing_files_of_both_uses_are_named_at_once(folder: Path) -> None:
    data = {"train": "train.jsonl", "eval": "no.jsonl", "unseen": {"a": "none.jsonl"}}
    with pytest.raises(SpecError) as caught:
        prepare(tiny_workload(data=data), DataRoots((folder,)))
    assert [fault.pointer for fault in caught.value.faults] == [
        "/spec/workload/data/eval", "/spec/workload/data/unseen/a",
    ]  # fmt: skip
