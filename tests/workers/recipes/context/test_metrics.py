from __future__ import annotations

from sweeps.trial import BatchCut, StepRecord
from sweeps.windows import make_window
from workers.recipes.context.metrics import (
    cut_metrics,
    noise_metrics,
    step_metrics,
    window_metrics,
)

CUT = BatchCut(
    effective_batch_size=8,
    devices=1,
    per_device_train_batch_size=4,
    gradient_accumulation_steps=2,
)


def record(grad_norm: float | None) -> StepRecord:
    return StepRecord(1, 8, 30, 2.0, grad_norm, 0.1, samples=8)


def test_a_step_says_what_was_measured() -> None:
    assert step_metrics(record(None), 0) == {"loss": 2.0, "learning_rate": 0.1}
    assert step_metrics(record(3.0), 90) == {
        "loss": 2.0,
        "learning_rate": 0.1,
        "grad_norm": 3.0,
        "num_tokens": 90.0,
    }


def test_a_cut_is_told_at_first_and_when_less_goes_through_at_once() -> None:
    more_passes = CUT.model_copy(update={"gradient_accumulation_steps": 3})
    smaller = CUT.model_copy(update={"per_device_train_batch_size": 2, "halvings": 1})
    assert cut_metrics(CUT, None) == CUT.metrics()
    assert cut_metrics(more_passes, CUT) == {}
    assert cut_metrics(smaller, CUT) == smaller.metrics()


def test_a_window_of_whole_batches_knows_no_noise() -> None:
    window = make_window([record(3.0)])
    assert noise_metrics(window) == {}
    noisy = window.model_copy(update={"noise_scale": 5.0, "true_grad_norm": 0.5})
    assert noise_metrics(noisy) == {"noise_scale": 5.0, "true_grad_norm": 0.5}


def test_a_window_stands_for_its_steps() -> None:
    rate_and_loss = {"learning_rate": 0.1, "loss": 2.0}
    assert window_metrics(make_window([record(None)])) == rate_and_loss
    assert window_metrics(make_window([record(3.0)])) == {**rate_and_loss, "grad_norm": 3.0}
