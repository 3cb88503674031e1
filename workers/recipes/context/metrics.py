"""What goes to the metric log, by name."""

from __future__ import annotations

from sweeps.trial import BatchCut, StepRecord, Window


def step_metrics(record: StepRecord, tokens: int) -> dict[str, float]:
    """Of one optimizer step; `tokens` are all since the start of the run."""
    values = {"loss": record.loss, "learning_rate": record.learning_rate}
    if record.grad_norm is not None:
        values["grad_norm"] = record.grad_norm
    if tokens:
        values["num_tokens"] = float(tokens)
    return values


def cut_metrics(cut: BatchCut, before: BatchCut | None) -> dict[str, float]:
    """How a batch was cut. Told when it changes, which it does when memory runs out; not at every
    step."""
    return {} if before is not None and cut.same_micro_batch(before) else cut.metrics()


def noise_metrics(window: Window) -> dict[str, float]:
    """The noise of the gradient. Per decision point, not per step: a single step says nothing of
    it."""
    noise = {"noise_scale": window.noise_scale, "true_grad_norm": window.true_grad_norm}
    return {name: value for name, value in noise.items() if value is not None}


def window_metrics(window: Window) -> dict[str, float]:
    """What stands for the steps of a window that were logged under another trial's name."""
    values = {"learning_rate": window.learning_rate}
    spreads = {"loss": window.loss, "grad_norm": window.grad_norm}
    return values | {name: spread.value for name, spread in spreads.items() if spread is not None}
