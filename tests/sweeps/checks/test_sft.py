from __future__ import annotations

from typing import Any

import pytest
from stories import make_spec

from sweeps.checks.sft import measure_faults, metrics, sft_faults
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
        {"workload": {"options": {"optim": "adafactor"}}},
        "/spec/workload/options/optim",
        "adamw_torch_fused, adamw_torch",
    ),
    (
        {"workload": {"options": {"packing": True, "torch_compile": True}}},
        "/spec/workload/options/packing",
        "Take out one",
    ),
    (
        {"workload": {"options": {"packing": "bfd"}}},
        "/spec/workload/options/packing",
        "true or false",
    ),
    (
        {"workload": {"options": {"torch_compile": "inductor"}}},
        "/spec/workload/options/torch_compile",
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
    (
        {"evaluation": {"exact_match": True, "max_new_tokens": 1024}},
        "/spec/evaluation/max_new_tokens",
        "1024 positions",
    ),
    ({"evaluation": {"max_new_tokens": 5}}, "/spec/evaluation/max_new_tokens", "exact_match"),
    (loss("eval_los"), "/spec/metric/name", "Did you mean 'eval_loss'?"),
    (
        loss("reward"),
        "/spec/metric/name",
        "Known: eval_loss, eval_accuracy, eval_accuracy_norm, loss, grad_norm.",
    ),
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
        {"evaluation": {"exact_match": True, "max_new_tokens": 1023}},
        loss("eval_accuracy"),
        {"workload": {"data": SETS}, **loss("eval_kept_accuracy_norm")},
        {"workload": {"options": {"gradient_checkpointing": True, "optim": "adamw_torch"}}},
        # Refused by name in `sweeps.support`, and there alone.
        {"workload": {"options": {"load_in_4bit": True, "optim": "paged_adamw_8bit"}}},
        {"workload": {"model": "org/name", "max_length": 4096}},
    ],
)
def test_good_specs_pass(changes: dict[str, Any]) -> None:
    assert sft_faults(of(**changes)) == []


def test_parameters_may_come_from_paired_rows() -> None:
    rows = [{"global_batch_size": 8, "learning_rate": 0.1}]
    assert sft_faults(of(parameters={"paired": rows})) == []


def test_metrics_by_eval_set() -> None:
    assert metrics(of(), ()) == ["eval_loss", "loss", "grad_norm"]
    assert metrics(of(), ("",)) == ["eval_accuracy", "eval_accuracy_norm", "loss", "grad_norm"]
    assert metrics(of({"data": SETS}, evaluation={"exact_match": True}), ("kept",)) == [
        "eval_taught_loss",
        "eval_taught_exact_match",
        "eval_kept_accuracy",
        "eval_kept_accuracy_norm",
        "loss",
        "grad_norm",
    ]
    assert metrics(of({"data": {"train": "a"}})) == ["loss", "grad_norm"]


def test_before_the_files_were_read_a_set_may_be_of_either_kind() -> None:
    either = ["eval_loss", "eval_accuracy", "eval_accuracy_norm"]
    assert metrics(of()) == [*either, "loss", "grad_norm"]


@pytest.mark.parametrize(
    ("changes", "questions", "pointers"),
    [
        ({}, (), []),
        (loss("eval_accuracy"), ("",), []),
        (loss("loss"), ("",), []),
        (loss("eval_accuracy_norm"), (), ["/spec/metric/name"]),
        ({}, ("",), ["/spec/metric/name"]),
        ({"workload": {"data": SETS}, **loss("eval_kept_accuracy")}, ("kept",), []),
        (
            {"workload": {"data": SETS}, **loss("eval_kept_accuracy")},
            ("taught",),
            ["/spec/metric/name"],
        ),
        (
            {"evaluation": {"exact_match": True}, **loss("eval_accuracy")},
            ("",),
            ["/spec/evaluation/exact_match"],
        ),
        (
            {
                "workload": {"data": SETS},
                "evaluation": {"exact_match": True},
                **loss("eval_taught_exact_match"),
            },
            ("kept",),
            [],
        ),
    ],
)
def test_what_the_files_do_not_give_is_named(
    changes: dict[str, Any], questions: tuple[str, ...], pointers: list[str]
) -> None:
    faults = measure_faults(of(**changes), questions)
    assert [fault.pointer for fault in faults] == pointers
    for fault in faults:
        assert ("There is: " in fault.mend) == (fault.pointer == "/spec/metric/name")


def test_a_judge_needs_replies_and_gives_a_metric() -> None:
    judged = {"evaluation": {"judge": "helpful", "max_new_tokens": 8}}
    assert "eval_judge" in metrics(of(**judged))
    assert sft_faults(of(**judged, metric={"name": "eval_judge", "goal": "maximize"})) == []
    (fault,) = sft_faults(of({"data": {"train": "a"}}, **judged, **loss("loss")))
    assert fault.pointer == "/spec/evaluation/judge"
    (fault,) = measure_faults(of(**judged, **loss("eval_accuracy")), [""])
    assert fault.pointer == "/spec/evaluation/judge"
    (fault,) = sft_faults(of(evaluation={"judge": "helpful", "answer_marker": "#"}))
    assert fault.pointer == "/spec/evaluation/answer_marker"


def test_metrics_of_a_task_are_left_to_the_harness() -> None:
    tasks = {"evaluation": {"tasks": ["arc_easy"]}}
    up = {"metric": {"name": "eval_arc_easy_acc_norm", "goal": "maximize"}}
    assert sft_faults(of(**tasks, **up)) == []
    assert measure_faults(of(**tasks, **up), []) == []
    assert sft_faults(of({"data": {"train": "a"}}, **tasks, **up)) == []
    assert [fault.pointer for fault in sft_faults(of(**up))] == ["/spec/metric/name"]
