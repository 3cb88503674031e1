"""The Trainer and the command line of the page about recipes, run as the page writes them."""

from __future__ import annotations

import json
import math
import random
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from recipe_support import MemoryLog, RecordingLink, Run, make_run, write_rows, write_words

from sweeps.checks import check
from sweeps.documents import read_document
from sweeps.spec import Body, parse
from tests.support.pages import blocks
from workers.bring.lines import StepLine, read_line
from workers.recipes import Recipe, load_recipe
from workers.recipes.commands import read_commands
from workers.recipes.context import Order, Paused
from workers.roots import DataRoots

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "writing-a-recipe.md").read_text("utf-8")
_, TRL, CURVE, SCRIPT = blocks(PAGE, "python")
_, TRL_SPEC, CURVE_SPEC = blocks(PAGE, "yaml")
(COMMANDS,) = blocks(PAGE, "yml")


@pytest.fixture(autouse=True)
def _one_thread(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Here and in the commands that are started."""
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def body(text: str) -> Body:
    spec = parse(read_document(text))
    check(spec)
    return spec.spec


def told(log: MemoryLog) -> list[dict[str, float]]:
    return [values for _, values in log.entries if "loss" in values]


def equals_unbroken(recipe: Recipe, make: Callable[..., Run], at: int) -> Run:
    """Run it whole, and again with a pause at `at` samples. Returns the whole run."""
    whole = make(trial="whole")
    recipe.run(whole.context)
    first = make(link=RecordingLink(order=Order.PAUSE, order_at=at))
    with pytest.raises(Paused):
        recipe.run(first.context)
    second = make()
    recipe.run(second.context)
    assert told(first.log) + told(second.log) == told(whole.log)
    reports = [*first.link.reports, *second.link.reports]
    assert [r.metrics for r in reports] == [r.metrics for r in whole.link.reports]
    return whole


@pytest.fixture
def base(tmp_path: Path) -> Path:
    """A data root with words, and a model of a few thousand weights that was never trained."""
    # Heavy, and the other tests of this file do without.
    from transformers import LlamaConfig, LlamaForCausalLM

    from workers.recipes.parts.tokenizer import train_tokenizer

    write_words(tmp_path)
    torch.manual_seed(5)
    config = LlamaConfig(
        vocab_size=260, hidden_size=16, intermediate_size=32, num_hidden_layers=1,
        num_attention_heads=2, max_position_embeddings=64, attention_dropout=0.1,
    )  # fmt: skip
    LlamaForCausalLM(config).save_pretrained(tmp_path / "base")
    train_tokenizer(["abc"], 260).save_pretrained(tmp_path / "base")
    return tmp_path


def test_the_trainer_of_the_page_learns_and_resumes_exactly(
    base: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (base / "trl_recipe.py").write_text(TRL, "utf-8")
    monkeypatch.syspath_prepend(base)
    monkeypatch.delitem(sys.modules, "trl_recipe", raising=False)
    spec = body(TRL_SPEC)
    recipe = load_recipe(spec.workload.recipe, "trl=trl_recipe:run")
    facts = recipe.prepare(spec.workload, DataRoots((base,)))
    assert (facts.train_samples, facts.eval_samples) == (10, 2)
    params = {
        "global_batch_size": 4, "learning_rate": 1e-2, "lr_scheduler_type": "cosine",
        "warmup_steps": 2,
    }  # fmt: skip

    def make(**more: Any) -> Run:
        return make_run(
            base, spec.workload, params, horizon=48, points=4, micro_batch_size=2, **more
        )

    whole = equals_unbroken(recipe, make, at=20)
    losses = [values["loss"] for values in told(whole.log)]
    assert len(losses) == 12
    assert losses[-1] < losses[0] - 0.3
    assert all(values["grad_norm"] > 0 for values in told(whole.log))
    rates = [values["learning_rate"] for values in told(whole.log)]
    assert rates[:3] == pytest.approx([0.0, 5e-3, 1e-2])
    assert all("eval_loss" in report.metrics for report in whole.link.reports)


@pytest.fixture
def allowed(tmp_path: Path) -> str:
    """The operator's file of the page; the programs lie in the test's folder."""
    (tmp_path / "curve.py").write_text(CURVE, "utf-8")
    text = COMMANDS.replace("/opt/curve", str(tmp_path)).replace("/opt/finetune", str(tmp_path))
    (tmp_path / "commands.yaml").write_text(text, "utf-8")
    return str(tmp_path / "commands.yaml")


@pytest.fixture
def curve(tmp_path: Path) -> Callable[..., Run]:
    """Makes runs of the page's program over points on a curve."""
    draw = random.Random(0)
    for name, count in (("train", 200), ("eval", 50)):
        xs = [draw.uniform(-1, 1) for _ in range(count)]
        write_rows(tmp_path / f"{name}.jsonl", [{"x": x, "y": math.sin(3 * x)} for x in xs])
    params = {"global_batch_size": 32, "learning_rate": 0.3, "width": 16}

    def make(**more: Any) -> Run:
        workload = body(CURVE_SPEC).workload
        return make_run(tmp_path, workload, params, horizon=6400, points=4, **more)

    return make


def test_the_command_of_the_page_learns(
    tmp_path: Path, allowed: str, curve: Callable[..., Run]
) -> None:
    recipe, run = load_recipe("curve", "", read_commands(allowed)), curve()
    facts = recipe.prepare(run.context.workload, DataRoots((tmp_path,)))
    assert (facts.train_samples, facts.eval_samples) == (200, 50)
    recipe.run(run.context)
    found = [report.metrics["eval_loss"] for report in run.link.reports]
    assert len(found) == 4
    assert found[-1] < found[0] / 2
    assert found[-1] < 0.1


@pytest.mark.slow
def test_the_command_of_the_page_resumes_exactly(allowed: str, curve: Callable[..., Run]) -> None:
    recipe = load_recipe("curve", "", read_commands(allowed))
    equals_unbroken(recipe, curve, at=2000)


def test_the_lines_of_the_page_are_lines() -> None:
    (line,) = blocks(PAGE, "json")
    assert isinstance(read_line(line.encode()), StepLine)


BEFORE = """
import json, os
from pathlib import Path
import torch
from transformers import Trainer, TrainingArguments
from workers.bring.client import Trial
from workers.bring.trainer import run_trainer, training_arguments

class Line(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.a = torch.nn.Parameter(torch.ones(1))
    def forward(self, x, y):
        return {"loss": ((self.a * x - y) ** 2).mean()}

model, rows = Line(), [{"x": 0.1 * n, "y": 0.3 * n} for n in range(1, 11)]
"""


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_a_trainers_script_runs_on_two_processes_as_on_one(tmp_path: Path, allowed: str) -> None:
    """`accelerate launch` with gloo: same losses and norms, and a pause that resumes."""
    (tmp_path / "finetune.py").write_text(BEFORE + SCRIPT, "utf-8")
    spec = body(CURVE_SPEC).workload
    command = read_commands(allowed)["finetune"]
    cpu = [*command.command[:2], "--cpu", *command.command[2:]]
    recipe = load_recipe("curve", "", {"curve": command.model_copy(update={"command": cpu})})
    params = {
        "learning_rate": 0.1, "optim": "sgd", "max_grad_norm": 1.0, "lr_scheduler_type": "linear",
    }  # fmt: skip
    for name in ("train", "eval"):
        write_rows(tmp_path / f"{name}.jsonl", [{}])

    def run_on(processes: int, **more: Any) -> Run:
        workload = spec.model_copy(update={"options": {"processes": processes}})
        return make_run(tmp_path, workload, params, **more)

    one = run_on(1, trial="one")
    recipe.run(one.context)
    two = equals_unbroken(recipe, lambda **more: run_on(2, **more), at=12)
    for name in ("loss", "grad_norm", "learning_rate"):
        ours = [values[name] for values in told(two.log)]
        assert ours == pytest.approx([values[name] for values in told(one.log)], rel=1e-5)
    newest = json.loads((tmp_path / "whole" / "step-00000006" / "trainer_state.json").read_text())
    assert newest["global_step"] == 6
