"""What the documentation tells a user to type, typed: the README's commands, the examples."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from e2e_support import write_data
from running import ROOT, Running
from tests_support import toy_spec

from tests.support.pages import blocks, command_lines

pytestmark = pytest.mark.xdist_group("up")
README = (ROOT / "README.md").read_text("utf-8")
EXAMPLES = ROOT / "docs" / "examples"


def run(up: Running, *args: str) -> str:
    """What a program prints that finds the running `up` as a user's would."""
    env = {"XDG_CONFIG_HOME": str(up.folder / "config"), "PYTHONPATH": str(ROOT)}
    unset = {k: v for k, v in os.environ.items() if not k.startswith(("SWEEP", "PYTHONPATH"))}
    done = subprocess.run(
        [sys.executable, *args], cwd=up.folder, env=unset | env, capture_output=True, text=True
    )
    assert done.returncode == 0, f"{args}: {done.stdout}\n{done.stderr}"
    return done.stdout


@pytest.fixture(scope="module")
def submitted(up: Running) -> str:
    """What submit.py printed for a few rows: it makes eight trials of them."""
    write_data(up.folder / "few.jsonl", 40, seed=3)
    return run(up, str(EXAMPLES / "submit.py"), "few.jsonl", "eval.jsonl")


def test_the_submitting_example_prints_the_ranking(submitted: str) -> None:
    assert re.search(r"^DONE: ", submitted, re.MULTILINE)
    rows = re.findall(r"^(\d+)\. trial \d+: eval_loss ([\d.]+) \(global_batch", submitted, re.M)
    assert rows
    assert rows[0][0] == "1"
    losses = [float(loss) for _, loss in rows]
    assert losses == sorted(losses)


def test_the_pandas_example_prints_its_tables(up: Running, submitted: str) -> None:
    (sweep,) = re.findall(r"swp_[0-9a-f]{32}", submitted)[:1]
    said = run(up, str(EXAMPLES / "curves.py"), sweep)
    every = up.client.every_trial(sweep, role="search")
    done = [trial for trial in every if trial.state == "DONE"]
    assert f"over {len(done)} trials" in said
    assert all(f"{trial.value:.6f}" in said for trial in done if trial.value is not None)
    assert re.search(r"^early_grad_norm +-?[\d.]+", said, re.MULTILINE)
    assert "paper found" in said.splitlines()[-1]


@pytest.mark.slow
def test_the_watching_example_follows_several_sweeps(up: Running) -> None:
    ids = [up.client.create_sweep(toy_spec()).id for _ in range(2)]
    said = run(up, str(EXAMPLES / "watch.py"), *ids)
    assert said.splitlines()[-1] == "ended: toy DONE, toy DONE"
    assert said.count("RUNNING") >= 2
    assert "toy/3: 320 samples, continue" in said


def small(text: str, batches: list[int]) -> str:
    """The README's spec with other paths and so little to do that it takes seconds."""
    spec = yaml.safe_load(text)
    spec["spec"]["workload"] |= {"model": {"tiny": "llama"}, "max_length": 32}
    spec["spec"]["workload"]["data"] = {"train": "readme/train.jsonl", "eval": "eval.jsonl"}
    spec["spec"]["baselines"] = {"base": False, "preset": None}
    axes = {"global_batch_size": batches, "learning_rate": [1e-3, 1e-2], "warmup_steps": [0, 2]}
    spec["spec"]["parameters"] = {name: {"values": values} for name, values in axes.items()}
    return yaml.safe_dump(spec)


@pytest.mark.slow
def test_the_readme_s_commands_work(up: Running) -> None:
    (text,) = blocks(README, "yaml")
    (up.folder / "readme").mkdir()
    write_data(up.folder / "readme" / "train.jsonl", 40, seed=3)
    (up.folder / "sweep.yaml").write_text(small(text, [4]))
    start, *lines = command_lines(README)
    # This is how the `up` of these tests was started.
    assert start == ["up", "--data-root", "."]
    said = {line[0]: run(up, "-m", "sweepctl", *line) for line in lines}
    assert set(said) == {"plan", "create", "get", "why", "result"}
    assert re.search(r"^Trials:? +4$", said["plan"], re.MULTILINE), said["plan"]
    assert re.search(r"swp_[0-9a-f]{32}", said["create"])
    # Four to search, and three fresh seeds of each of the two finalists.
    assert len(re.findall(r"^ *\d+ ", said["get"], re.MULTILINE)) == 4 + 2 * 3
    assert "trial 3" in said["why"].lower() or "gsm8k/3" in said["why"]
    assert "eval_loss" in said["result"]


@pytest.mark.slow
def test_the_readme_s_script_works(up: Running) -> None:
    (text,), (code,) = blocks(README, "yaml"), blocks(README, "python")
    Path(up.folder / "readme").mkdir(exist_ok=True)
    write_data(up.folder / "readme" / "train.jsonl", 40, seed=3)
    (up.folder / "sweep.yaml").write_text(small(text, [8]))
    said = run(up, "-c", code)
    assert "confirmed" in said
    assert "[5 rows x " in said  # the head of 4 to search and 6 to confirm
