"""A warm worker: whatever a trial did to the model, the next one starts from the first weights."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import pytest
import torch
from recipe_support import RecordingLink, make_run, tiny_workload

from sweeps.trial import Params, Report
from workers.recipes import sft
from workers.recipes.context import Order, Paused, Stopped
from workers.recipes.parts import gradient
from workers.recipes.parts.models import Base


def digest(model: torch.nn.Module) -> str:
    """SHA-256 of all that a trial could leave behind: modules, weights, buffers, and what of them
    is trained."""
    found = hashlib.sha256()
    for name, module in model.named_modules():
        found.update(f"{name} {type(module).__name__} {module.training}\n".encode())
    for name, weight in model.named_parameters():
        found.update(f"{name} {weight.dtype} {weight.requires_grad} {weight.grad}\n".encode())
        found.update(weight.detach().numpy().tobytes())
    for name, buffer in model.named_buffers():
        found.update(name.encode() + buffer.numpy().tobytes())
    return found.hexdigest()


def fresh_digest(cache: dict[str, Any]) -> str:
    base: Base = cache["sft.base"]
    return digest(base.fresh())


@pytest.fixture
def cache(folder: Path) -> dict[str, Any]:
    """A worker's, after a base model was evaluated and nothing was trained."""
    kept: dict[str, Any] = {}
    sft.run_untrained(make_run(folder, cache=kept, trial="untrained").context)
    return kept


def train(
    folder: Path, cache: dict[str, Any], trial: str, options: Any = None, **params: Any
) -> list[Report]:
    """One whole trial; a NaN does not end it here, for nobody judges."""
    workload = tiny_workload(options=options or {})
    asked: Params = {"learning_rate": 1e-2, **params}
    # Two passes a step.
    run = make_run(folder, workload, asked, cache=cache, trial=trial, micro_batch_size=2)
    sft.run(run.context)
    return run.link.reports


TRIALS: dict[str, dict[str, Any]] = {
    "plain": {},
    "non-finite": {"learning_rate": 1e30, "max_grad_norm": 0.0},
    "checkpointing": {"options": {"gradient_checkpointing": True}},
    "lora": {"adapter": "lora"},
    "dora": {"adapter": "dora", "lora_dropout": 0.1},
    "last layers": {"trainable_fraction": 0.5},
}


@pytest.mark.parametrize("trial", TRIALS)
def test_a_trial_leaves_nothing_behind(folder: Path, cache: dict[str, Any], trial: str) -> None:
    before = fresh_digest(cache)
    reports = train(folder, cache, trial, **TRIALS[trial])
    assert digest(cache["sft.base"].model) != before
    assert any(report.window.non_finite for report in reports) == (trial == "non-finite")
    assert fresh_digest(cache) == before


@pytest.mark.parametrize("trial", ["plain", "lora"])
def test_nor_does_one_that_breaks_inside_a_step(
    folder: Path, cache: dict[str, Any], trial: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    before, losses = fresh_digest(cache), gradient.token_losses
    passes = iter(range(100))

    def breaking(*given: Any) -> torch.Tensor:
        if next(passes) == 3:
            raise RuntimeError("in the middle of a step")
        return losses(*given)

    with monkeypatch.context() as patch:
        patch.setattr(gradient, "token_losses", breaking)
        with pytest.raises(RuntimeError, match="in the middle"):
            train(folder, cache, trial, **TRIALS[trial])
    assert any(weight.grad is not None for weight in cache["sft.base"].model.parameters())
    assert fresh_digest(cache) == before


@pytest.mark.parametrize(("order", "raised"), [(Order.STOP, Stopped), (Order.PAUSE, Paused)])
def test_nor_does_one_that_is_stopped_or_paused(
    folder: Path, cache: dict[str, Any], order: Order, raised: type[BaseException]
) -> None:
    before = fresh_digest(cache)
    run = make_run(folder, cache=cache, link=RecordingLink(order, 8))
    with pytest.raises(raised):
        sft.run(run.context)
    assert fresh_digest(cache) == before


def test_a_warm_worker_computes_the_bits_of_a_cold_one(folder: Path, cache: dict[str, Any]) -> None:
    cold = train(folder, {}, "cold")
    for name, given in TRIALS.items():
        train(folder, cache, name, **given)
    kept = id(cache["sft.base"].model)
    assert _untimed(train(folder, cache, "warm")) == _untimed(cold)
    assert id(cache["sft.base"].model) == kept, "it was loaded again"


def _untimed(reports: list[Report]) -> list[Report]:
    return [
        report.model_copy(
            update={"window": report.window.model_copy(update={"tokens_per_second": None})}
        )
        for report in reports
    ]
