from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from stories import make_spec, plain

from sweeps.checks import check
from sweeps.errors import Fault, SpecError
from sweeps.space import grid
from sweeps.spec import parse, parse_text
from sweeps.support import refuse

A, B = {"data": "a.jsonl", "samples": 400}, {"data": "b.jsonl"}
AT = "/spec/workload/strategy/phased"
BATCH: dict[str, Any] = {"global_batch_size": {"value": 10}}
RATE: dict[str, Any] = {"learning_rate": {"value": 0.1}}
TRAIN = {"train": "t.jsonl", "eval": "e.jsonl"}
STRATEGY = {"values": ["stacked", "phased"]}


def faults(
    *phases: dict[str, Any],
    parameters: dict[str, Any] | None = None,
    workload: dict[str, Any] | None = None,
    **changes: Any,
) -> list[Fault]:
    work = {
        "model": {"tiny": "llama"},
        "data": {"eval": "e.jsonl"},
        "strategy": {"phased": list(phases)} if phases else "stacked",
        **(workload or {}),
    }
    whole = {**BATCH, **RATE, **(parameters or {})}
    try:
        spec = parse(plain(workload=work, parameters=whole, **changes))
        check(spec)
        refuse(spec)
    except SpecError as error:
        return list(error.faults)
    return []


def only(found: list[Fault]) -> Fault:
    (fault,) = found
    return fault


def test_stacked_and_phased_in_one_sweep() -> None:
    assert faults(A, B) == []
    assert faults(A, B, parameters={"strategy": STRATEGY}) == []
    when = {"values": [0.0, 0.1], "when": {"strategy": "phased"}}
    assert faults(A, B, parameters={"strategy": STRATEGY, "phase2_replay": when}) == []
    paired = [{"strategy": "stacked"}, {"strategy": "phased"}]
    assert faults(A, B, parameters={"paired": paired}) == []


def test_a_stored_spec_with_its_defaults_written_out_passes_too() -> None:
    work = {"model": {"tiny": "llama"}, "data": {"eval": "e"}, "strategy": {"phased": [A, B]}}
    replay = {"phase2_replay": {"values": [0.1, 0.2]}}
    spec = make_spec(workload=work, parameters={**BATCH, **RATE, **replay})
    check(parse(spec.dump()))


@pytest.mark.parametrize(
    ("phases", "changes", "pointer", "said"),
    [
        ((A | {"replay": 0.1}, B), {}, f"{AT}/0/replay", "no phase before the first"),
        ((A, B | {"replay": 1.0}), {}, f"{AT}/1/replay", "below 1.0"),
        ((A | {"epochs": 1}, B), {}, f"{AT}/0", "samples or epochs"),
        ((A, B | {"samples": 300}), {}, AT, "add up to 700 samples, the horizon is 1,000"),
        ((A | {"samples": 1000}, B), {}, AT, "add up to 1,000"),
        (
            (A, B),
            {"workload": {"data": {"train": "t.jsonl", "eval": "e.jsonl"}}},
            "/spec/workload/data/train",
            "the phases name their own data",
        ),
        ((), {"workload": {}}, "/spec/workload/data/train", "nothing to train on"),
        (
            (),
            {"workload": {"data": TRAIN}, "parameters": {"strategy": STRATEGY}},
            "/spec/parameters/strategy/values/1",
            "names no phases",
        ),
        (
            (A, B),
            {"parameters": {"strategy": {"value": "laps"}}},
            "/spec/parameters/strategy",
            "one of",
        ),
        (
            (A, B | {"learning_rate": 0.2}),
            {"parameters": {"phase2_learning_rate": {"values": [0.1, 0.3]}}},
            f"{AT}/1/learning_rate",
            "phase2_learning_rate says the same",
        ),
        (
            (A, B),
            {"parameters": {"phase3_learning_rate": {"values": [0.1, 0.3]}}},
            "/spec/parameters/phase3_learning_rate",
            "no parameter",
        ),
        (
            (A, B),
            {"parameters": {"phase2_learning_rate": {"values": [-1.0, 0.3]}}},
            "/spec/parameters/phase2_learning_rate/values/0",
            "at least 0",
        ),
        (
            (A, B),
            {"parameters": {"strategy": STRATEGY, "phase2_replay": {"values": [0, 0.5]}}},
            "/spec/parameters/phase2_replay",
            "only phased trials read it",
        ),
        (
            (A | {"learning_rate": 0.1}, B | {"learning_rate": 0.2}),
            {"parameters": {"learning_rate": {"values": [0.1, 0.2]}}},
            "/spec/parameters/learning_rate",
            "every phase has a learning_rate of its own",
        ),
        (
            (A, B | {"warmup_steps": 60}),
            {},
            "/spec/parameters",
            "phase 2: a warmup of 60 is not shorter than its 60 steps",
        ),
        (
            (A, B | {"samples": 600}),
            {"parameters": {"phase1_global_batch_size": {"values": [10, 1000]}}},
            "/spec/parameters",
            "phase 2: no sample is left",
        ),
    ],
)  # fmt: skip
def test_what_cannot_run_is_named_with_its_mend(
    phases: tuple[dict[str, Any], ...], changes: dict[str, Any], pointer: str, said: str
) -> None:
    fault = only(faults(*phases, **changes))
    assert fault.pointer == pointer
    assert said in f"{fault.message} {fault.mend}"
    assert fault.mend


def test_only_the_built_in_recipe_trains_in_phases() -> None:
    fault = only(faults(A, B, workload={"recipe": "mine"}))
    assert (fault.pointer, fault.value) == (AT, '"mine"')


def test_each_phase_s_data_is_looked_at_as_any_path() -> None:
    fault = only(faults(A, {"data": "~/b.jsonl"}))
    assert fault.pointer == f"{AT}/1/data"
    fault = only(faults(A, {"data": "s3://bucket/b.jsonl"}))
    assert fault.pointer == f"{AT}/1/data"


def test_the_example_can_be_submitted_and_compares_both_ways() -> None:
    text = (Path(__file__).parents[3] / "docs" / "examples" / "phased.yaml").read_text("utf-8")
    spec = parse_text(text)
    check(spec)
    refuse(spec)
    cells = [cell["strategy"] for cell in grid(spec.spec.parameters)]
    assert cells == ["stacked", "phased", "phased", "phased"]


def test_in_another_recipe_strategy_is_a_word_of_its_own() -> None:
    own = {"strategy": STRATEGY, "warmup_steps": {"values": [0, 100]}}
    work = {"recipe": "mine", "model": "m", "data": TRAIN}
    found = faults(parameters=own, workload=work)
    # Its phased cells are held to the same rules as all others.
    assert [fault.pointer for fault in found] == ["/spec/parameters"] * 2
    assert all("a warmup of 100 is not shorter than the run" in fault.message for fault in found)
    assert faults(parameters={"strategy": STRATEGY}, workload=work) == []
