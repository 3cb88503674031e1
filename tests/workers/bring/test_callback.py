from __future__ import annotations

from pathlib import Path

import pytest
import torch
from recipe_support import RecordingLink
from trainers import SGD, Line, line_trainer, llama_trainer, points, told, trainer_run

from workers.bring.trainer import run_trainer
from workers.recipes.context import Order, Stopped
from workers.recipes.parts.batches import SampleOrder


@pytest.mark.parametrize("micro_batch_size", [3, 4])
def test_each_step_is_told_as_it_was(tmp_path: Path, micro_batch_size: int) -> None:
    """Against the same descent by hand: loss, gradient norm, rate, samples; 10 rows, batches of 4,
    so batches run on across epochs. A limit of 3 makes micro-batches of 2."""
    run = trainer_run(tmp_path, micro_batch_size=micro_batch_size)
    run_trainer(run.context, line_trainer(run))
    xs, a, losses, norms = points(10)["x"], 1.0, [], []
    order = SampleOrder(10, 0)
    for step in range(6):
        batch = [xs[index] for index in order.take(4 * step, 4)]
        losses.append(sum(((a - 3) * x) ** 2 for x in batch) / 4)
        slope = sum(2 * (a - 3) * x * x for x in batch) / 4
        norms.append(abs(slope))
        a -= 0.1 * slope
    assert [step for step, values in run.log.entries if "loss" in values] == [4, 8, 12, 16, 20, 24]
    assert told(run.log) == pytest.approx(losses, rel=1e-5)
    assert told(run.log, "grad_norm") == pytest.approx(norms, rel=1e-5)
    assert told(run.log, "learning_rate") == [0.1] * 6
    error = sum(((a - 3) * x) ** 2 for x in (0.1, 0.2, 0.3)) / 3
    assert run.link.reports[-1].metrics == pytest.approx({"eval_loss": error}, rel=1e-4)


def test_the_norm_is_that_before_clipping_and_the_rate_that_of_the_step(tmp_path: Path) -> None:
    params = {**SGD, "max_grad_norm": 1e-3, "lr_scheduler_type": "linear", "warmup_steps": 2}
    run = trainer_run(tmp_path, params)
    run_trainer(run.context, line_trainer(run))
    assert min(told(run.log, "grad_norm")) > 0.1
    rates = [0.0, 0.05, 0.1, 0.075, 0.05, 0.025]
    assert told(run.log, "learning_rate") == pytest.approx(rates)


def test_tokens_and_the_loss_of_a_language_model(tmp_path: Path) -> None:
    """The loss of a step is the mean over its label tokens, not over its micro-batches."""
    one, many = (
        trainer_run(tmp_path, {"learning_rate": 1e-2}, micro_batch_size=size, trial=str(size))
        for size in (4, 1)
    )
    for run in (one, many):
        run_trainer(run.context, llama_trainer(run, dropout=0.0))
    assert told(many.log) == pytest.approx(told(one.log), rel=1e-4)
    lengths = [3 + n % 5 for n in range(10)]
    order = SampleOrder(10, 0)
    tokens = [sum(lengths[i] for i in order.take(4 * step, 4)) for step in range(6)]
    running = [sum(tokens[: step + 1]) for step in range(6)]
    assert told(one.log, "num_tokens") == running
    assert [report.window.tokens for report in one.link.reports] == [
        tokens[0] + tokens[1], tokens[2] + tokens[3], tokens[4] + tokens[5],
    ]  # fmt: skip


class Breaks(Line):
    """The loss is NaN from the third step on."""

    def forward(self, x: torch.Tensor, y: torch.Tensor) -> dict[str, torch.Tensor]:
        self.calls = getattr(self, "calls", 0) + 1
        loss = super().forward(x, y)["loss"]
        return {"loss": loss * float("nan") if self.calls > 2 else loss}


def test_a_nan_is_told_and_guarded(tmp_path: Path) -> None:
    """Also by a Trainer whose own arguments would have hidden it."""
    run = trainer_run(
        tmp_path, link=RecordingLink(order=Order.STOP, order_at=12), micro_batch_size=4
    )
    trainer = line_trainer(run)
    trainer.args.logging_nan_inf_filter = True
    trainer.args.logging_steps = 3
    trainer.model = trainer.model_wrapped = Breaks()
    with pytest.raises(Stopped):
        run_trainer(run.context, trainer)
    assert [report.guard for report in run.link.reports] == [None, "non_finite_loss"]
    assert run.link.reports[-1].step == 3


def test_weights_that_do_not_move_are_seen(tmp_path: Path) -> None:
    run = trainer_run(tmp_path, {**SGD, "learning_rate": 1e-30})
    run_trainer(run.context, line_trainer(run))
    assert run.link.reports[-1].window.unchanged == 2


def test_no_evaluation_set_gives_no_metrics(tmp_path: Path) -> None:
    run = trainer_run(tmp_path)
    trainer = line_trainer(run)
    trainer.eval_dataset = None
    run_trainer(run.context, trainer)
    assert run.link.reports[-1].metrics == {}
