from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from sweepctl.exits import FileError, lines_of
from sweepctl.localpaths import localize
from sweepctl.settings import Target
from sweepctl.specfile import SpecFile

HERE = Target("http://127.0.0.1:1", None, "")
THERE = Target("https://sweeps.example", None, "")


def workload(tmp_path: Path, target: Target, **changes: Any) -> tuple[dict[str, Any], list[str]]:
    """The workload after localize, and what it said."""
    for name in ("a.jsonl", "b.jsonl", "tok", "org/model"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    data: dict[str, Any] = {"data": {"train": "a.jsonl"}, **changes}
    spec = SpecFile("s.yaml", {"spec": {"workload": data}}, {"/spec/workload": 4}, tmp_path)
    said: list[str] = []
    localize(spec, target, said.append)
    return data, said


def test_files_that_are_here_become_absolute(tmp_path: Path) -> None:
    data, said = workload(
        tmp_path,
        HERE,
        model={"tiny": "llama", "tokenizer": "./tok"},
        data={"train": "a.jsonl", "eval": {"one": "b.jsonl", "two": "a.jsonl"}},
        strategy={"phased": [{"data": "a.jsonl"}]},
    )
    a = str(tmp_path / "a.jsonl")
    assert data["data"] == {"train": a, "eval": {"one": str(tmp_path / "b.jsonl"), "two": a}}
    assert data["model"]["tokenizer"] == str(tmp_path / "tok")
    assert data["strategy"]["phased"][0]["data"] == a
    assert said == []


def test_a_hub_id_stays_one_unless_it_is_here(tmp_path: Path) -> None:
    data, said = workload(tmp_path, HERE, model="ibm-granite/granite-3b")
    assert data["model"] == "ibm-granite/granite-3b"
    assert said == []
    data, _ = workload(tmp_path, HERE, model="org/model")
    assert data["model"] == str(tmp_path / "org/model")


def test_a_name_that_is_not_here_is_left_to_the_data_roots(tmp_path: Path) -> None:
    data, said = workload(tmp_path, THERE, data={"train": "data/x.jsonl", "eval": "/abs/y.jsonl"})
    assert data["data"] == {"train": "data/x.jsonl", "eval": "/abs/y.jsonl"}
    assert said == [
        f"note: /spec/workload/data/train: no data/x.jsonl in {tmp_path}; "
        "the pool's data roots decide"
    ]


@pytest.mark.parametrize("name", ["./x.jsonl", "../x/x.jsonl", "~/no-such-file.jsonl"])
def test_a_path_that_must_be_here_and_is_not(tmp_path: Path, name: str) -> None:
    with pytest.raises(FileError) as caught:
        workload(tmp_path, HERE, data={"train": name})
    said = lines_of(caught.value)[0]
    assert said.startswith(
        f"error: s.yaml:4: /spec/workload/data/train: there is no {Path.home().anchor}"
    )
    assert f"(got {name})" in said


def test_elsewhere_it_says_how_to_bring_the_file(tmp_path: Path) -> None:
    with pytest.raises(FileError) as caught:
        workload(tmp_path, THERE, data={"train": "a.jsonl", "eval": "b.jsonl"})
    first, second, _ = lines_of(caught.value)
    assert "/spec/workload/data/train: a path on this machine" in first
    assert "https://sweeps.example" in first
    assert f"rsync -a {tmp_path / 'a.jsonl'} HOST:" in first
    assert "/spec/workload/data/eval" in second


def test_a_workload_without_data_has_no_paths(tmp_path: Path) -> None:
    data, said = workload(tmp_path, THERE, data=None, model=None)
    assert data == {"data": None, "model": None}
    assert said == []


def test_unseen_sets_are_files_too(tmp_path: Path) -> None:
    data = {"train": "a.jsonl", "eval": "b.jsonl", "unseen": {"one": "b.jsonl"}}
    found, _ = workload(tmp_path, HERE, data=data)
    assert found["data"]["unseen"] == {"one": str(tmp_path / "b.jsonl")}
    found, _ = workload(tmp_path, HERE, data={**data, "unseen": "a.jsonl"})
    assert found["data"]["unseen"] == str(tmp_path / "a.jsonl")
