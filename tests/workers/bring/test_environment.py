from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from recipe_support import make_run, write_words

from sweeps.errors import SpecError
from sweeps.spec import Workload
from workers.bring.environment import environment, resolve, values
from workers.recipes.commands import Command
from workers.roots import DataRoots

ROOT = Path(__file__).resolve().parents[3]


def an_environment(folder: Path, outer: dict[str, str], **fields: Any) -> dict[str, str]:
    workload = Workload.model_validate({"recipe": "mine", "options": fields.pop("options", {})})
    params = fields.pop("params", {})
    run = make_run(folder, workload, params, seed=3)
    command = Command(command=["x"], **fields)
    return environment(command, run.context, folder / "socket", fields.get("resume"), outer)


def test_little_of_the_worker_is_passed_on(tmp_path: Path) -> None:
    outer = {
        "PATH": "/bin", "HOME": "/home/me", "LC_ALL": "C", "CUDA_VISIBLE_DEVICES": "1",
        "SWEEP_AGENT_TOKEN": "a", "SWEEP_STORAGE": "b", "MLFLOW_TRACKING_URI": "c",
        "HF_TOKEN": "d", "AWS_SECRET_ACCESS_KEY": "e", "RAY_ADDRESS": "f", "MINE": "g",
    }  # fmt: skip
    found = an_environment(tmp_path, outer, pass_environment=["MINE"], environment={"HOME": "/x"})
    path = found.pop("PATH").split(":")
    assert path[-1] == "/bin"
    assert (Path(path[0]) / "python").exists()
    plain = {name: value for name, value in found.items() if not name.startswith("TRIAL_")}
    assert plain == {"HOME": "/x", "LC_ALL": "C", "CUDA_VISIBLE_DEVICES": "1", "MINE": "g"}
    assert "SWEEP_AGENT_TOKEN" not in found
    assert "SWEEP_STORAGE" not in found
    assert "TRIAL_RESUME_FROM" not in found


def test_what_the_page_lists_is_what_there_is(tmp_path: Path) -> None:
    folder = tmp_path
    write_words(folder)
    (folder / "base").mkdir()
    workload = Workload.model_validate(
        {"recipe": "mine", "model": "base", "data": {"train": "train.jsonl", "eval": "eval.jsonl"},
         "options": {"name": 1}}
    )  # fmt: skip
    run = make_run(folder, workload, {"name": 2}, seed=3)
    found = environment(Command(command=["x"]), run.context, folder / "socket", folder, {})
    there = {name for name in found if name.startswith("TRIAL_")}
    page = (ROOT / "docs" / "writing-a-recipe.md").read_text("utf-8")
    table = page.partition("### What it finds")[2].partition("###")[0]
    rows = [line for line in table.splitlines() if line.startswith("| `TRIAL_")]
    listed = {name for row in rows for name in re.findall(r"`(TRIAL_[A-Z_]+)`", row.split("|")[1])}
    of_each_parameter = {"TRIAL_PARAM_GLOBAL_BATCH_SIZE", "TRIAL_PARAM_LEARNING_RATE"}
    assert there - of_each_parameter == listed


def test_parameters_cannot_become_other_variables(tmp_path: Path) -> None:
    params = {"ld.preload": "x", "PATH": "y", "lr": 1e-05, "flag": True}
    found = an_environment(tmp_path, {}, params=params, options={"trial": "z"})
    assert found["TRIAL_PARAM_LD_PRELOAD"] == "x"
    assert found["TRIAL_PARAM_PATH"] == "y"
    assert found["TRIAL_PARAM_LR"] == "1e-05"
    assert found["TRIAL_PARAM_FLAG"] == "true"
    assert found["TRIAL_OPTION_TRIAL"] == "z"
    assert "y" not in found["PATH"].split(":")
    trial = json.loads(found["TRIAL_JSON"])
    assert trial["params"]["ld.preload"] == "x"
    assert values(trial)["TRIAL_SEED"] == "3"


def test_paths_are_those_of_this_machine(tmp_path: Path) -> None:
    (tmp_path / "model").mkdir()
    for name in ("train", "a", "b"):
        (tmp_path / name).touch()
    workload = Workload.model_validate(
        {
            "model": "model",
            "data": {"train": "train", "eval": {"a": "a", "b": "b"}},
        }
    )
    at = {name: str(tmp_path / name) for name in ("model", "train", "a", "b")}
    assert resolve(workload, DataRoots((tmp_path,))) == {
        "model": at["model"],
        "train": at["train"],
        "eval": {"a": at["a"], "b": at["b"]},
    }
    hub = Workload.model_validate({"model": "owner/name"})
    assert resolve(hub, DataRoots((tmp_path,))) == {"model": "owner/name"}


@pytest.mark.parametrize(
    ("fields", "pointer"),
    [
        ({"data": {"train": "no"}}, "/spec/workload/data/train"),
        ({"data": {"train": "in", "eval": {"x": "/etc/passwd"}}}, "/spec/workload/data/eval/x"),
        ({"data": {"train": "in", "eval": "../out"}}, "/spec/workload/data/eval"),
        ({"model": "/etc"}, "/spec/workload/model"),
    ],
)
def test_what_is_not_under_a_data_root_is_named(
    tmp_path: Path, fields: dict[str, Any], pointer: str
) -> None:
    (tmp_path / "in").touch()
    with pytest.raises(SpecError) as error:
        resolve(Workload.model_validate(fields), DataRoots((tmp_path,)))
    assert [fault.pointer for fault in error.value.faults] == [pointer]
