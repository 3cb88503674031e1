"""transformers' Trainer on models of a few weights: does it run the trial that the plan says?"""

from __future__ import annotations

import tempfile
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from recipe_support import RecordingLink
from trainers import line_trainer, points, told, trainer_run

from workers.bring.arguments import ArgumentsError, scratch
from workers.bring.trainer import attach, run_trainer
from workers.recipes.context import Order, Stopped


def test_stop_passes_through_the_trainer(tmp_path: Path) -> None:
    run = trainer_run(tmp_path, link=RecordingLink(order=Order.STOP, order_at=8))
    with pytest.raises(Stopped) as stop:
        run_trainer(run.context, line_trainer(run))
    assert type(stop.value) is Stopped
    assert len(told(run.log)) == 2
    # The next trial in the same warm process is not touched by it.
    after = trainer_run(tmp_path, trial="after")
    run_trainer(after.context, line_trainer(after))
    assert len(told(after.log)) == 6


@pytest.mark.parametrize("order", [Order.GO_ON, Order.STOP])
def test_the_trainer_s_own_folder_is_gone_however_the_run_ends(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, order: Order
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    run = trainer_run(tmp_path, link=RecordingLink(order=order, order_at=8))
    trainer = line_trainer(run)
    assert scratch().is_dir(), "it made it"
    with suppress(Stopped):
        run_trainer(run.context, trainer)
    assert not scratch().exists()


def test_evaluation_keeps_to_max_examples_and_to_names(tmp_path: Path) -> None:
    run = trainer_run(tmp_path)
    run.context.evaluation = run.context.evaluation.model_copy(update={"max_examples": 2})
    trainer = line_trainer(run)
    trainer.eval_dataset = {"near": points(5), "far": points(50)}
    run_trainer(run.context, trainer)
    assert {name: len(rows) for name, rows in trainer.eval_dataset.items()} == {"near": 2, "far": 2}
    assert sorted(run.link.reports[0].metrics) == ["eval_far_loss", "eval_near_loss"]


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"max_steps": 5}, "max_steps is 5, and the trial needs 6"),
        ({"gradient_accumulation_steps": 4}, "processes is 8, and the trial needs 4"),
        ({"auto_find_batch_size": True}, "auto_find_batch_size"),
    ],
)
def test_arguments_that_would_run_another_trial_are_refused(
    tmp_path: Path, change: dict[str, Any], named: str
) -> None:
    run = trainer_run(tmp_path)
    trainer = line_trainer(run)
    for name, value in change.items():
        setattr(trainer.args, name, value)
    with pytest.raises(ArgumentsError, match=named):
        attach(run.context, trainer)


def test_data_without_a_length_is_refused(tmp_path: Path) -> None:
    run = trainer_run(tmp_path)
    trainer = line_trainer(run)
    trainer.train_dataset = points(4).to_iterable_dataset()
    with pytest.raises(ArgumentsError, match="train_dataset must have a length"):
        attach(run.context, trainer)
