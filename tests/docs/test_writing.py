"""The code on the pages about pruners and recipes runs: registered as they say, tested as ours."""

from __future__ import annotations

import json
import os
import random
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from recipe_support import RecordingLink, make_run

from sweeps.documents import read_document
from sweeps.pruners import PRUNERS
from sweeps.spec import Workload, parse
from tests.support.pages import blocks
from workers.recipes import load_recipe
from workers.recipes.context import Order, Paused
from workers.roots import DataRoots

ROOT = Path(__file__).resolve().parents[2]
PRUNER = (ROOT / "docs" / "writing-a-pruner.md").read_text("utf-8")
RECIPE = (ROOT / "docs" / "writing-a-recipe.md").read_text("utf-8")
# The suite in a minute less: those of its tests that a rule of this kind can fail.
SUITE = "well_ordered or evidence or equal or lone_spike or same_prefix"


def edit(file: Path, old: str, new: str) -> None:
    """Replace the one place that holds `old`."""
    text = file.read_text("utf-8")
    assert text.count(old) == 1, (file, old)
    file.write_text(text.replace(old, new), "utf-8")


def with_pruner(folder: Path) -> Path:
    """A copy of `sweeps` and of the suite, changed as the page says."""
    skip = shutil.ignore_patterns("__pycache__")
    shutil.copytree(ROOT / "sweeps", folder / "sweeps", ignore=skip)
    shutil.copytree(ROOT / "tests" / "support", folder / "tests" / "support", ignore=skip)
    for name in ("pyproject.toml", "tests/contracts/test_pruners.py"):
        (folder / name).parent.mkdir(exist_ok=True)
        shutil.copy(ROOT / name, folder / name)
    config, rule = blocks(PRUNER, "python")
    line, _ = blocks(PRUNER, "")
    pruners = folder / "sweeps" / "pruners"
    edit(pruners / "configs.py", "\nPruning = Annotated[", f"\n{config}\n\nPruning = Annotated[")
    edit(pruners / "configs.py", "\nPruning = Annotated[", "\nPruning = Annotated[Last | ")
    (pruners / "last.py").write_text(rule, "utf-8")
    table = "PRUNERS = {\n"
    edit(pruners / "__init__.py", table, f"{table}    {line.strip()}\n")
    return folder


def test_the_pruner_of_the_page_passes_the_suite_of_all_pruners(tmp_path: Path) -> None:
    assert "last" not in PRUNERS
    done = subprocess.run(
        [
            *(sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"),
            *("tests/contracts/test_pruners.py", "-k", f"last and ({SUITE})"),
        ],
        cwd=with_pruner(tmp_path),
        env={**os.environ, "PYTHONPATH": str(tmp_path)},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr
    assert " passed" in done.stdout


def test_the_pruner_of_the_page_stops_the_last(tmp_path: Path) -> None:
    code = """
from playing import Player, states
from stories import make_report, make_spec
rows = [{"learning_rate": 0.1, "seed": n} for n in range(6)]
axes = {"global_batch_size": {"values": [10]}, "paired": rows}
spec = make_spec(pruning={"type": "last"}, parameters=axes)
curve = lambda n, point: make_report(point, n + 1 / point)
script = Player(spec, curve, slots=6).play()
print(states(script)[0], script.story.trials[5].verdicts[1].message)
"""
    with_pruner(tmp_path)
    path = os.pathsep.join([str(tmp_path), str(tmp_path / "tests" / "support")])
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": path},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.strip() == (
        "DONE At point 1 (100 samples) its eval_loss was 6, worse than 5, the worst of 5 peers."
    )


@pytest.fixture
def line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Workload:
    """The recipe of the page, importable, and a line to fit."""
    code = blocks(RECIPE, "python")[0]
    (tmp_path / "line_recipe.py").write_text(code, "utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "line_recipe", raising=False)
    draw = random.Random(0)
    for name, rows in (("train", 60), ("eval", 20)):
        xs = [draw.uniform(-1, 1) for _ in range(rows)]
        lines = (json.dumps({"x": x, "y": 3 * x + 1}) for x in xs)
        (tmp_path / f"{name}.jsonl").write_text("\n".join(lines))
    text = blocks(RECIPE, "yaml")[0]
    return parse(read_document(text)).spec.workload


def test_the_recipe_of_the_page_learns(line: Workload, tmp_path: Path) -> None:
    recipe = load_recipe(line.recipe, "line=line_recipe:run")
    facts = recipe.prepare(line, DataRoots((tmp_path,)))
    assert (facts.train_samples, facts.eval_samples) == (60, 20)
    params = {"learning_rate": 0.1, "global_batch_size": 4}
    run = make_run(tmp_path, line, params, horizon=800, points=4)
    recipe.run(run.context)
    losses = [report.metrics["eval_loss"] for report in run.link.reports]
    assert len(losses) == 4
    assert losses[0] > 100 * losses[-1]
    assert losses[-1] < 1e-3


def test_the_recipe_of_the_page_resumes_exactly(line: Workload, tmp_path: Path) -> None:
    run_line = load_recipe("line", "line=line_recipe:run").run
    whole = make_run(tmp_path, line, horizon=400, points=4, trial="whole")
    run_line(whole.context)
    link = RecordingLink(order=Order.PAUSE, order_at=200)
    first = make_run(tmp_path, line, horizon=400, points=4, link=link)
    with pytest.raises(Paused):
        run_line(first.context)
    second = make_run(tmp_path, line, horizon=400, points=4)
    run_line(second.context)
    parts = [*first.link.reports, *second.link.reports]
    assert [r.metrics for r in parts] == [r.metrics for r in whole.link.reports]
    assert [r.window.loss for r in parts] == [r.window.loss for r in whole.link.reports]
