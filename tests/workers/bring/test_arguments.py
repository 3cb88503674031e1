from __future__ import annotations

from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest
from trainers import trainer_run
from transformers import TrainingArguments

from workers.bring.arguments import (
    HYPERPARAMETERS,
    ArgumentsError,
    mismatches,
    settled,
    training_arguments,
)


def test_hyperparameters_become_fields_and_the_recipes_own_are_left_to_it(tmp_path: Path) -> None:
    params = {
        "learning_rate": 0.5, "weight_decay": 0.1, "adam_beta2": 0.95, "max_grad_norm": 0.3,
        "lr_scheduler_type": "cosine", "warmup_ratio": 0.3, "lora_r": 8, "data_seed": 3,
        "global_batch_size": 4,
    }  # fmt: skip
    run = trainer_run(tmp_path, params, seed=7)
    args = training_arguments(run.context, TrainingArguments, also=("lora_r",), weight_decay=0.2)
    found = (args.learning_rate, args.weight_decay, args.adam_beta2, args.max_grad_norm)
    assert found == (0.5, 0.2, 0.95, 0.3)
    assert (args.lr_scheduler_type, args.get_warmup_steps(6)) == ("cosine", 2)
    assert (args.seed, args.data_seed, args.max_steps) == (7, 3, 6)
    assert (args.use_cpu, args.bf16) == (True, False)
    assert not args.logging_nan_inf_filter
    assert mismatches(args, run.context.plan) == []
    own = training_arguments(trainer_run(tmp_path, {"seed": 4}).context, TrainingArguments)
    assert own.seed == 4


@pytest.mark.parametrize(("warmup", "name"), [(0, "constant"), (2, "constant_with_warmup")])
def test_a_constant_rate_keeps_its_warmup(tmp_path: Path, warmup: int, name: str) -> None:
    params = {"lr_scheduler_type": "constant", "warmup_steps": warmup}
    args = training_arguments(trainer_run(tmp_path, params).context, TrainingArguments)
    assert args.lr_scheduler_type == name


@pytest.mark.parametrize(
    ("limit", "processes", "size", "accumulation"),
    [(8, 1, 6, 2), (12, 1, 12, 1), (100, 1, 12, 1), (5, 1, 4, 3), (1, 1, 1, 12), (5, 3, 4, 1)],
)
def test_the_global_batch_is_met_exactly(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    limit: int,
    processes: int,
    size: int,
    accumulation: int,
) -> None:
    monkeypatch.setenv("WORLD_SIZE", str(processes))
    run = trainer_run(tmp_path, {"global_batch_size": 12}, micro_batch_size=limit)
    found = settled(run.context)
    assert found["per_device_train_batch_size"] == size
    assert found["gradient_accumulation_steps"] == accumulation


def test_a_batch_that_cannot_be_shared_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WORLD_SIZE", "3")
    with pytest.raises(ArgumentsError, match="4 cannot be shared by 3 processes"):
        training_arguments(trainer_run(tmp_path).context, TrainingArguments)


def test_what_the_plan_decides_cannot_be_given(tmp_path: Path) -> None:
    with pytest.raises(ArgumentsError, match="the trial's plan decides logging_steps, max_steps"):
        training_arguments(
            trainer_run(tmp_path).context, TrainingArguments, max_steps=3, logging_steps=2
        )


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("push_to_hub", True),
        ("hub_model_id", "mallory/loot"),
        ("hub_token", "x"),
        ("output_dir", "/srv"),
        ("report_to", "wandb"),
        ("run_name", "x"),
        ("deepspeed", "/srv/ds.json"),
        ("fsdp_config", "/srv/fsdp.json"),
        ("accelerator_config", "/srv/a.json"),
        ("resume_from_checkpoint", "/srv"),
        ("torch_compile_backend", "x"),
        ("max_steps", 1),
        ("temperature", 0.5),
    ],
)
def test_a_request_sets_hyperparameters_and_nothing_else(
    tmp_path: Path, name: str, value: Any
) -> None:
    run = trainer_run(tmp_path, {"learning_rate": 0.1, name: value})
    with pytest.raises(ArgumentsError, match=f"nobody takes the parameter {name}: .*also=") as said:
        training_arguments(run.context, TrainingArguments)
    assert "learning_rate" not in str(said.value)


def test_no_hyperparameter_says_where_anything_goes() -> None:
    names = {field.name for field in fields(TrainingArguments)}
    assert names >= HYPERPARAMETERS
    for word in ("hub", "dir", "report", "log", "save", "config", "kwargs", "args", "run", "fsdp"):
        assert not [name for name in HYPERPARAMETERS if word in name]


def test_the_recipes_author_takes_more(tmp_path: Path) -> None:
    params = {"label_names": "z", "dataloader_num_workers": 2, "temperature": 0.5, "optim": "lion"}
    run = trainer_run(tmp_path, params)
    args = training_arguments(
        run.context, TrainingArguments, also=("dataloader_num_workers", "temperature"),
        label_names=["y"], optim="sgd",
    )  # fmt: skip
    assert (args.dataloader_num_workers, args.label_names, args.optim) == (2, ["y"], "sgd")
    with pytest.raises(ArgumentsError, match="the trial's plan decides max_steps"):
        training_arguments(run.context, TrainingArguments, also=("max_steps",))


def test_an_optimizer_of_another_package_is_the_authors_to_allow(tmp_path: Path) -> None:
    run = trainer_run(tmp_path, {"optim": "adamw_bnb_8bit"})
    with pytest.raises(ArgumentsError, match="optim is 'adamw_bnb_8bit': choose one of adafactor"):
        training_arguments(run.context, TrainingArguments)
    args = training_arguments(run.context, TrainingArguments, also=("optim",))
    assert args.optim == "adamw_bnb_8bit"
