from __future__ import annotations

from typing import Any

import pytest
from stories import make_spec

from sweeps.checks import check
from sweeps.checks.panel import panel_faults
from sweeps.errors import SpecError
from sweeps.spec import parse

TINY = {"tiny": "llama"}
SETS = {"taught": "b.jsonl", "kept": "c.jsonl"}
LOSS = {"name": "eval_taught_loss", "goal": "minimize"}


def spec(**changes: Any) -> Any:
    data = {"train": "a.jsonl", "eval": SETS, **changes.pop("data", {})}
    workload = {"model": TINY, "data": data, **changes.pop("workload", {})}
    return make_spec(workload=workload, **{"metric": LOSS, **changes})


def limit(name: str, **changes: Any) -> dict[str, Any]:
    return {"metric": {**LOSS, "max_drop": {name: 0.02}}, **changes}


BAD: list[tuple[dict[str, Any], str, str]] = [
    (
        limit("eval_kept_accuracy", baselines={"base": False}),
        "/spec/baselines/base",
        "there is to be no base row",
    ),
    (limit("eval_kept_acuracy"), "/spec/metric/max_drop/eval_kept_acuracy", "which way is worse"),
    (
        limit("eval_keep_accuracy"),
        "/spec/metric/max_drop/eval_keep_accuracy",
        "Did you mean 'eval_kept_accuracy'?",
    ),
    (limit("loss"), "/spec/metric/max_drop/loss", "evaluates no such metric"),
    (
        limit("unseen_kept_accuracy"),
        "/spec/metric/max_drop/unseen_kept_accuracy",
        "Name the eval set: eval_kept_accuracy.",
    ),
    (
        {"metric": {"name": "unseen_taught_loss", "goal": "minimize"}},
        "/spec/metric/name",
        "eval_taught_loss",
    ),
    ({"data": {"unseen": "d.jsonl"}}, "/spec/workload/data/unseen", "these sets give none"),
    ({"data": {"unseen": {"kept": "d"}}}, "/spec/workload/data/unseen", "under the same name"),
    ({"data": {"unseen": {}}}, "/spec/workload/data/unseen", "no set is named"),
    (
        {"data": {"unseen": {"taught": "d"}}, "metric": {"name": "loss", "goal": "minimize"}},
        "/spec/workload/data/unseen",
        "the unseen half of loss",
    ),
]


@pytest.mark.parametrize(("changes", "pointer", "said"), BAD)
def test_what_cannot_be_measured_is_refused(
    changes: dict[str, Any], pointer: str, said: str
) -> None:
    with pytest.raises(SpecError) as caught:
        check(spec(**changes))
    found = {fault.pointer: str(fault) for fault in caught.value.faults}
    assert said in found[pointer]


@pytest.mark.parametrize(
    "changes",
    [
        {},
        limit("eval_kept_accuracy"),
        limit("eval_taught_loss"),
        limit("eval_kept_accuracy", data={"unseen": {"taught": "d"}}),
        limit("eval_arc_easy_acc", evaluation={"tasks": ["arc_easy"]}),
        {"data": {"unseen": {"taught": "d", "third": "e"}}},
    ],
)
def test_what_can_be_measured_passes(changes: dict[str, Any]) -> None:
    whole = spec(**changes)
    assert panel_faults(whole) == []
    check(whole)
    assert parse(whole.dump()) == whole


def test_a_recipe_of_the_operators_may_have_metrics_of_its_own() -> None:
    own = {"workload": {"recipe": "mine"}}
    assert panel_faults(spec(**limit("eval_glue_f1", **own))) == []
    (fault,) = panel_faults(spec(**limit("eval_speed", **own)))
    assert "which way is worse" in fault.message


def test_what_only_sft_evaluates_is_refused_for_other_recipes() -> None:
    asked = {
        "evaluation": {"judge": "mine", "tasks": ["arc_easy"]},
        "data": {"unseen": {"taught": "d"}},
    }
    faults = panel_faults(spec(workload={"recipe": "mine"}, **asked))
    assert [fault.pointer for fault in faults] == [
        "/spec/evaluation/judge", "/spec/evaluation/tasks", "/spec/workload/data/unseen",
    ]  # fmt: skip
    assert all("the recipe mine" in fault.message and fault.mend for fault in faults)
    assert panel_faults(spec(**asked)) == []


@pytest.mark.parametrize("most", [-0.1, "nan", "much"])
def test_a_limit_is_a_number_from_0_on(most: Any) -> None:
    with pytest.raises(SpecError) as caught:
        spec(metric={**LOSS, "max_drop": {"eval_kept_loss": most}})
    assert caught.value.faults[0].pointer == "/spec/metric/max_drop/eval_kept_loss"
