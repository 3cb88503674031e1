"""Adapters and frozen layers in a whole run: resume, warm workers, guards."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from recipe_support import RecordingLink, Run, make_run, tiny_workload
from trained import same, weights

from sweeps.trial import Params
from workers.checkpoints import CheckpointFolder
from workers.recipes.context import Order, Paused, Stopped
from workers.recipes.sft import run

LORA: Params = {"adapter": "lora", "lora_r": 4, "lora_dropout": 0.3}
KINDS: dict[str, Params] = {
    "full": {},
    "half": {"trainable_fraction": 0.5},
    "lora": LORA,
    "dora": {**LORA, "adapter": "dora"},
}


def done(folder: Path, trial: str, params: Params, **setting: Any) -> Run:
    job = make_run(folder, tiny_workload(model="base"), params, trial=trial, **setting)
    run(job.context)
    return job


@pytest.mark.parametrize("kind", ["lora", "dora", "half"])
def test_a_resumed_run_is_bit_identical(dropout_base: Path, kind: str) -> None:
    params, workload = {**KINDS[kind], "weight_decay": 0.1}, tiny_workload(model="base")
    whole = done(dropout_base, "whole", params, micro_batch_size=3)
    for step in (1, 4, 6):
        setting: dict[str, Any] = {"trial": f"at-{step}", "micro_batch_size": 3}
        link = RecordingLink(Order.PAUSE, 4 * step)
        first = make_run(dropout_base, workload, params, link=link, **setting)
        with pytest.raises(Paused):
            run(first.context)
        torch.manual_seed(step)
        second = make_run(dropout_base, workload, params, **setting)
        run(second.context)
        assert first.log.entries + second.log.entries == whole.log.entries
        assert same(weights(second), weights(whole)), step


def test_every_trial_of_a_warm_worker_equals_that_of_a_fresh_one(dropout_base: Path) -> None:
    fresh = {kind: done(dropout_base, f"fresh-{kind}", params) for kind, params in KINDS.items()}
    cache: dict[str, Any] = {}
    for number, kind in enumerate(["lora", "full", "half", "dora", "full", "lora", "half"]):
        warm = done(dropout_base, f"warm-{number}", KINDS[kind], cache=cache)
        assert warm.log.entries == fresh[kind].log.entries, (number, kind)
        assert same(weights(warm), weights(fresh[kind])), (number, kind)


def test_a_trial_that_was_stopped_leaves_nothing_on(dropout_base: Path) -> None:
    cache: dict[str, Any] = {}
    workload = tiny_workload(model="base", options={"gradient_checkpointing": True})
    stopped = make_run(dropout_base, workload, LORA, trial="a", cache=cache,
                       link=RecordingLink(Order.STOP, 8))  # fmt: skip
    with pytest.raises(Stopped):
        run(stopped.context)
    warm = done(dropout_base, "warm", {}, cache=cache)
    fresh = done(dropout_base, "fresh", {})
    assert warm.log.entries == fresh.log.entries
    assert same(weights(warm), weights(fresh))


def test_the_base_of_an_adapter_never_moves_and_its_update_is_seen(folder: Path) -> None:
    job = make_run(folder, params={**LORA, "learning_rate": 1e-3}, points=1)
    run(job.context)
    # An adapter's second half starts at 0: the first step moves it all the same.
    assert job.link.reports[-1].window.unchanged == 0
    assert all(entry["grad_norm"] > 0 for _, entry in job.log.entries if "grad_norm" in entry)
    pristine = job.context.cache["sft.base"].pristine
    ended = {n.replace(".base_layer", ""): t for n, t in weights(job).items() if "lora_" not in n}
    assert same(ended, pristine)


def test_a_checkpoint_of_an_adapter_holds_no_weight_of_the_base(folder: Path) -> None:
    job = make_run(folder, params=LORA)
    run(job.context)
    newest = CheckpointFolder(folder / "trial").newest()
    assert newest is not None
    names = {path.name for path in newest.iterdir()}
    assert {"adapter_model.safetensors", "adapter_config.json", "tiny.json"} <= names
    assert not {"model.safetensors", "config.json"} & names
    assert "optimizer.safetensors" in names


def test_adapters_are_drawn_from_the_trials_seed(folder: Path) -> None:
    losses = []
    for number, seed in enumerate((0, 0, 1)):
        job = make_run(folder, params={**LORA, "data_seed": 0}, trial=str(number), seed=seed)
        run(job.context)
        losses.append([entry["loss"] for _, entry in job.log.entries if "loss" in entry])
    assert losses[0] == losses[1] != losses[2]


def test_gradient_checkpointing_gives_an_adapter_the_same_numbers(dropout_base: Path) -> None:
    found = []
    for number, wanted in enumerate((False, True)):
        workload = tiny_workload(model="base", options={"gradient_checkpointing": wanted})
        job = make_run(dropout_base, workload, LORA, trial=str(number))
        run(job.context)
        found.append([entry["loss"] for _, entry in job.log.entries if "loss" in entry])
    assert found[0] == pytest.approx(found[1])
