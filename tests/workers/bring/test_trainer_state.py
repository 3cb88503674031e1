from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
import torch
from recipe_support import RecordingLink
from trainers import line_trainer, llama_trainer, told, trainer_run

from workers.bring.trainer import run_trainer
from workers.recipes.context import Order, Paused


def test_paused_and_resumed_equals_unbroken(tmp_path: Path) -> None:
    """With dropout, AdamW, a schedule and accumulation."""
    params = {"learning_rate": 1e-2, "lr_scheduler_type": "cosine", "warmup_steps": 1}
    whole = trainer_run(tmp_path, params, trial="whole")
    run_trainer(whole.context, llama_trainer(whole))
    link = RecordingLink(order=Order.PAUSE, order_at=8)
    first = trainer_run(tmp_path, params, link=link)
    with pytest.raises(Paused):
        run_trainer(first.context, llama_trainer(first))
    torch.manual_seed(99)
    second = trainer_run(tmp_path, params)
    last = llama_trainer(second)
    run_trainer(second.context, last)
    for name in ("loss", "grad_norm", "learning_rate", "num_tokens"):
        assert told(first.log, name) + told(second.log, name) == told(whole.log, name)
    reports = [*first.link.reports, *second.link.reports]
    assert [r.metrics for r in reports] == [r.metrics for r in whole.link.reports]
    for part in ("trial", "whole"):
        folder = tmp_path / part / "step-00000006"
        assert (folder / "model.safetensors").exists()
        assert not (folder / "training_args.bin").exists()
    ours, theirs = (
        (tmp_path / part / "step-00000006" / "model.safetensors").read_bytes()
        for part in ("trial", "whole")
    )
    assert ours == theirs


def test_a_model_that_is_no_pretrained_one_resumes_too(tmp_path: Path) -> None:
    whole = trainer_run(tmp_path, trial="whole")
    run_trainer(whole.context, line_trainer(whole))
    first = trainer_run(tmp_path, link=RecordingLink(order=Order.PAUSE, order_at=12))
    with pytest.raises(Paused):
        run_trainer(first.context, line_trainer(first))
    second = trainer_run(tmp_path)
    run_trainer(second.context, line_trainer(second))
    assert told(first.log) + told(second.log) == told(whole.log)
    again = trainer_run(tmp_path)
    trainer = line_trainer(again)
    run_trainer(again.context, trainer)
    assert told(again.log) == [], "it was through: nothing is trained once more"


def test_a_checkpoint_is_one_that_transformers_reads(tmp_path: Path) -> None:
    run = trainer_run(tmp_path)
    run_trainer(run.context, line_trainer(run))
    folder = tmp_path / "trial" / "step-00000006"
    state = json.loads((folder / "trainer_state.json").read_text())
    assert state["global_step"] == 6
    assert not any(path.is_dir() for path in folder.iterdir())
    assert os.listdir(folder.parent) == ["step-00000006"]
