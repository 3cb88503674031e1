from __future__ import annotations

import math

import pytest

from sweeps.sft_parameters import SCHEDULERS, SFT_OPTIONS, SFT_PARAMETERS
from sweeps.trial import ParamValue


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("global_batch_size", 1),
        ("learning_rate", 1e-6),
        ("learning_rate", 1),
        ("warmup_steps", 0),
        ("warmup_ratio", 0.0),
        ("adam_beta1", 0.0),
        ("max_grad_norm", 0),
        ("decay_ratio", 1.0),
        ("lr_scheduler_type", "warmup_stable_decay"),
    ],
)
def test_what_may_be_written(name: str, value: ParamValue) -> None:
    assert SFT_PARAMETERS[name].fault(value) is None


@pytest.mark.parametrize(
    ("name", "value", "fault"),
    [
        ("global_batch_size", 0, "must be at least 1"),
        ("global_batch_size", 16.0, "must be a whole number"),
        ("global_batch_size", True, "must be a whole number"),
        ("global_batch_size", "16", "must be a whole number"),
        ("learning_rate", -1e-5, "must be at least 0"),
        ("learning_rate", "1e-5", "must be a number"),
        ("learning_rate", math.nan, "must be at least 0"),
        ("weight_decay", math.inf, "must be at least 0"),
        ("warmup_ratio", 1.0, "must be at least 0 and below 1"),
        ("adam_epsilon", 0.0, "must be above 0"),
        ("min_lr_ratio", 1.5, "must be at least 0 and at most 1"),
        ("lr_scheduler_type", "cosin", "must be one of constant, constant_with_warmup, linear, "
         "cosine, warmup_stable_decay"),
        ("lr_scheduler_type", 3, "must be one of constant, constant_with_warmup, linear, "
         "cosine, warmup_stable_decay"),
        ("lora_r", 0, "must be at least 1"),
        ("lora_dropout", 1.0, "must be at least 0 and below 1"),
        ("trainable_fraction", 0.0, "must be above 0 and at most 1"),
        ("adapter", "qlora", "must be one of full, lora, rslora, dora"),
        ("lora_target_modules", "q_proj;v_proj", "must be all-linear, or names of modules with "
         "commas between"),
    ],
)  # fmt: skip
def test_what_may_not(name: str, value: ParamValue, fault: str) -> None:
    assert SFT_PARAMETERS[name].fault(value) == fault


def test_every_row_is_usable() -> None:
    for name, parameter in SFT_PARAMETERS.items():
        assert parameter.help.endswith("."), name
        assert (parameter.kind == "str") == bool(parameter.choices), name
    assert SFT_PARAMETERS["lr_scheduler_type"].choices == SCHEDULERS
    assert SFT_OPTIONS
