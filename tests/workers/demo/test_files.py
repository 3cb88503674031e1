from __future__ import annotations

import json
from importlib import resources
from pathlib import Path

import pytest

from sweeps.spec import parse_text
from workers.demo import files, skills


@pytest.fixture
def made(tmp_path: Path) -> Path:
    files.write_data(tmp_path)
    (tmp_path / "base").mkdir()
    (tmp_path / "base" / "model.safetensors").write_text("weights")
    files.stamp(tmp_path)
    return tmp_path


def read(path: Path) -> list[dict[str, str]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_held_out_words_are_in_no_training_row(tmp_path: Path) -> None:
    held_out = files.write_data(tmp_path)
    train = skills.words(read(tmp_path / "data" / "train.jsonl"))
    for name in ("eval", "retention"):
        words = skills.words(read(tmp_path / "data" / f"{name}.jsonl"))
        assert words <= held_out
        assert not words & train


def test_the_quickstart_names_only_what_is_made(made: Path) -> None:
    preset = resources.files("sweeps.presets").joinpath("quickstart.yaml").read_text()
    workload = parse_text(preset).spec.workload
    assert workload.data is not None
    assert isinstance(workload.data.eval, dict)
    for name in (workload.model, workload.data.train, *workload.data.eval.values()):
        assert (made / str(name)).exists(), name


def test_whole_files_count_as_made(made: Path) -> None:
    assert files.is_made(made)


@pytest.mark.parametrize("damage", ["missing", "changed", "no stamp", "torn stamp", "old version"])
def test_damage_is_seen(made: Path, damage: str) -> None:
    stamp = made / files.STAMP
    if damage == "missing":
        (made / "base" / "model.safetensors").unlink()
    elif damage == "changed":
        (made / "data" / "eval.jsonl").write_text("")
    elif damage == "no stamp":
        stamp.unlink()
    elif damage == "torn stamp":
        stamp.write_text(stamp.read_text()[:50])
    else:
        stamp.write_text(stamp.read_text().replace(files.version(), "0" * 64))
    assert not files.is_made(made)


def test_an_empty_folder_is_not_made(tmp_path: Path) -> None:
    assert not files.is_made(tmp_path / "nowhere")
