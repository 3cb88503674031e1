from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from recipe_support import TINY, make_run, tiny_workload
from trained import same, weights

from sweeps.spec import Evaluation, TinyModel
from workers.recipes.parts.models import build_tiny
from workers.recipes.parts.options import apply_options, eager, plain
from workers.recipes.sft import run


def test_without_options_a_model_runs_as_it_came() -> None:
    model = build_tiny(TinyModel.model_validate(TINY))
    apply_options(model, {"gradient_checkpointing": False, "torch_compile": False})
    assert not model.is_activation_checkpointing
    assert all(layer._compiled_call_impl is None for layer in model.model.layers)


def test_what_options_did_is_undone() -> None:
    model = build_tiny(TinyModel.model_validate(TINY))
    apply_options(model, {"gradient_checkpointing": True, "torch_compile": True})
    assert model.is_activation_checkpointing
    # Nothing is compiled before the first step.
    assert all(layer._compiled_call_impl is not None for layer in model.model.layers)
    plain(model)
    assert not model.is_activation_checkpointing
    assert all(layer._compiled_call_impl is None for layer in model.model.layers)


def test_an_evaluation_runs_as_it_is_where_nothing_is_compiled() -> None:
    def measure() -> dict[str, float]:
        return {"a": 1.0}

    assert eager(measure, {}) is measure
    assert eager(measure, {"torch_compile": True})() == {"a": 1.0}


@pytest.mark.slow
def test_compiled_training_gives_the_same_numbers_and_leaves_nothing_behind(
    folder: Path,
) -> None:
    cache: dict[str, Any] = {}
    asked = Evaluation(every_points=1, exact_match=True, max_new_tokens=4)
    found = []
    for number, wanted in enumerate((False, True, False)):
        workload = tiny_workload(options={"torch_compile": wanted})
        job = make_run(folder, workload, trial=str(number), cache=cache, evaluation=asked)
        run(job.context)
        losses = [entry["loss"] for _, entry in job.log.entries if "loss" in entry]
        found.append((losses, job.link.reports[-1].metrics, weights(job)))
    plain_, compiled, after = found
    assert compiled[0] == pytest.approx(plain_[0], rel=1e-4)
    assert compiled[1] == pytest.approx(plain_[1], rel=1e-3)
    assert after[0] == plain_[0]
    assert same(after[2], plain_[2])
    counted = torch._dynamo.utils.counters["stats"]
    assert counted["unique_graphs"] > 0
