from __future__ import annotations

from typing import Any

import pytest
from stories import make_spec

from sweeps.checks.sft import metrics, sft_faults
from sweeps.spec import SweepSpec

TINY = {"tiny": "llama"}
DATA = {"train": "a.jsonl", "eval": "b.jsonl"}
SETS = {"train": "a.jsonl", "eval": {"taught": "b.jsonl", "kept": "c.jsonl"}}


def loss(name: str) -> dict[str, Any]:
    return {"metric": {"name": name, "goal": "minimize"}}


def of(workload: dict[str, Any] | None = None, **changes: Any) -> SweepSpec:
    return make_spec(workload={"model": TINY, "data": DATA, **(workload or {})}, **changes)


BAD: list[tuple[dict[str, Any], str, str]] = [
    ({"workload": {"model": None}}, "/spec/workload/model", "{tiny: llama}"),
    ({"workload": {"data": None}}, "/spec/workload/data", "train: data/train.jsonl"),
    (
        {"workload": {"data": {**DATA, "format": "alpaca", "fields": {"prompt": "q"}}}},
        "/spec/workload/data/fields",
        "the format is alpaca",
    ),
    ({"workload": {"max_length": 2048}}, "/spec/workload/max_length", "1024 positions"),
    (
        {"workload": {"options": {"gradient_checkpoint": True}}},
        "/spec/workload/options/gradient_checkpoint",
        "'gradient_checkpointing'?",
    ),
    ({"workload": {"options": {"x": 1}}}, "/spec/workload/options/x", "Known:"),
    (
        {"workload": {"options": {"gradient_checkpointing": "yes"}}},
        "/spec/workload/options/gradient_checkpointing",
        "true or false",
    ),
    (
        {"parameters": {"learning_rate": {"value": 0.1}}},
        "/spec/parameters/global_batch_size",
        "needs it",
    ),
    (
        {
            "parameters": {
                "global_batch_size": {"values": [8, 16]},
                "learning_rate": {"value": 0.1, "when": {"global_batch_size": 8}},
            }
        },
        "/spec/parameters/learning_rate/when",
        "every trial needs it",
    ),
    (
        {"workload": {"data": {"train": "a"}}, "evaluation": {"exact_match": True}, **loss("loss")},
        "/spec/evaluation/exact_match",
        "no evaluation data",
    ),
    ({"evaluation": {"answer_marker": "####"}}, "/spec/evaluation/answer_marker", "exact_match"),
    ({"evaluation": {"max_new_tokens": 5}}, "/spec/evaluation/max_new_tokens", "exact_match"),
    (loss("eval_los"), "/spec/metric/name", "Did you mean 'eval_loss'?"),
    (loss("reward"), "/spec/metric/name", "Known: eval_loss, loss, grad_norm."),
    (loss("eval_exact_match"), "/spec/metric/name", "exact_match: true"),
    ({"workload": {"data": {"train": "a"}}}, "/spec/metric/name", "no evaluation data"),
    ({"workload": {"data": SETS}}, "/spec/metric/name", "no such metric"),
    ({"workload": {"data": SETS}, **loss("eval_keep_loss")}, "/spec/metric/name", "kept_loss"),
]


@pytest.mark.parametrize(("changes", "pointer", "said"), BAD)
def test_one_fault(changes: dict[str, Any], pointer: str, said: str) -> None:
    (fault,) = sft_faults(of(**changes))
    assert fault.pointer == pointer
    assert said in str(fault)


@pytest.mark.parametrize(
    "changes",
    [
        {},
        loss("loss"),
        loss("grad_norm"),
        {"workload": {"data": {"train": "a"}}, **loss("loss")},
        {"workload": {"data": SETS}, **loss("eval_kept_loss")},
        {"evaluation": {"exact_match": True}, **loss("eval_exact_match")},
        {"evaluation": {"exact_match": True, "max_new_tokens": 5, "answer_marker": "#"}},
        {"workload": {"options": {"gradient_checkpointing": True}}},
        {"workload": {"model": "org/name", "max_length": 4096}},
    ],
)
def test_good_specs_pass(changes: dict[str, Any]) -> None:
    assert sft_faults(of(**changes)) == []


def test_parameters_may_come_from_paired_rows() -> None:
    rows = [{"global_batch_size": 8, "learning_rate": 0.1}]
    assert sft_faults(of(parameters={"paired": rows})) == []


def test_metrics_by_eval_set() -> None:
    assert metrics(of()) == ["eval_loss", "loss", "grad_norm"]
    assert metrics(of({"data": SETS}, evaluation={"exact_match": True})) == [
        "eval_taught_loss",
        "eval_taught_exact_match",
        "eval_kept_loss",
        "eval_kept_exact_match",
        "loss",
        "grad_norm",
    ]
