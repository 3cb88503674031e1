"""A local task of lm-evaluation-harness on a tiny model, offline."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
import yaml
from recipe_support import WORDS, make_run, tiny_workload, write_rows

from sweeps.spec import Evaluation
from workers.recipes.sft import run, run_untrained

pytest.importorskip(
    "lm_eval", reason="lm-evaluation-harness is not installed: pip install sweepctl[lm-eval]"
)


@pytest.fixture
def tasks(folder: Path) -> Path:
    """The words to be chosen among three, as a task file beside its data."""
    home = folder / "tasks"
    home.mkdir()
    rows = [
        {"question": w, "choices": [w[::-1], w, f"{w[1:]}z"], "answer": place % 3}
        for place, w in enumerate(WORDS)
    ]
    write_rows(home / "words.jsonl", rows)
    task = {
        "task": "words",
        "dataset_path": "json",
        "dataset_kwargs": {"data_files": {"test": str(home / "words.jsonl")}},
        "test_split": "test",
        "output_type": "multiple_choice",
        "doc_to_text": "Question: {{question}}\nAnswer:",
        "doc_to_choice": "{{choices}}",
        "doc_to_target": "{{answer}}",
        "metric_list": [{"metric": "acc"}, {"metric": "acc_norm"}],
    }
    (home / "words.yaml").write_text(yaml.safe_dump(task))
    # The same for ourselves.
    write_rows(folder / "choice.jsonl", rows)
    return home


def test_a_local_task_agrees_with_our_own_accuracy(
    folder: Path, tasks: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same questions through both: the harness is what ours is written after."""
    monkeypatch.setenv("HF_DATASETS_CACHE", str(folder / "cache"))
    data = {"train": "train.jsonl", "eval": {"ours": "choice.jsonl"}}
    asked = Evaluation(every_points=1, tasks=["words"])
    allowed = f"words={tasks}"
    job = make_run(folder, tiny_workload(data=data), evaluation=asked, tasks=allowed)
    run(job.context)
    base = make_run(
        folder, tiny_workload(data=data), {}, evaluation=asked, tasks=allowed, trial="b"
    )
    run_untrained(base.context)
    reports = [*job.link.reports, *base.link.reports]
    for report in reports:
        found = report.metrics
        for theirs, ours in (("acc", "accuracy"), ("acc_norm", "accuracy_norm")):
            assert found[f"eval_words_{theirs}"] == found[f"eval_ours_{ours}"]
            error = found[f"eval_words_{theirs}_stderr"]
            assert error == pytest.approx(found[f"eval_ours_{ours}_stderr"])
    assert all(0 < report.metrics["eval_words_acc"] < 1 for report in reports)


def test_it_changes_nothing_in_training(folder: Path, tasks: Path) -> None:
    losses = []
    for trial, names in (("with", ["words"]), ("without", [])):
        asked = Evaluation(every_points=1, tasks=names, max_examples=3)
        job = make_run(folder, evaluation=asked, tasks=f"words={tasks}", trial=trial)
        run(job.context)
        losses.append([entry["loss"] for _, entry in job.log.entries if "loss" in entry])
    assert losses[0] == losses[1]
    assert torch.is_grad_enabled()
