from __future__ import annotations

import json
import random
from typing import Any

import jsonschema
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from stories import make_spec, plain

from sweeps.documents import read_document
from sweeps.errors import Fault, SpecError
from sweeps.pruners.configs import EarlyDynamics
from sweeps.spec import SweepSpec, json_schema, parse, parse_text

# The example of the design document, made whole: every field that a user may write.
WHOLE = """
apiVersion: sweeps/v1
kind: Sweep
metadata: {name: granite-3b-recipe, project: default, labels: {team: nlp}}
spec:
  workload:
    recipe: sft
    model: ibm-granite/granite-3b
    data: {train: data/train.jsonl, eval: data/eval.jsonl, format: auto}
    strategy: stacked
    adapter: {type: lora, r: 16}
  parameters:
    global_batch_size: {values: [128, 3840, 7680]}
    learning_rate: {values: [1e-6, 5e-6, 2e-5]}
    warmup_steps: {values: [0, 25, 100]}
    lr_scheduler_type: {values: [constant, cosine, linear]}
    decay_ratio: {distribution: uniform, min: 0.1, max: 0.5, when: {lr_scheduler_type: cosine}}
    weight_decay: {value: 0.0}
    paired: [{seed: 1, data_seed: 1}, {seed: 2, data_seed: 2}]
    exclude: [{global_batch_size: [3840, 7680], warmup_steps: 100}]
  method: {type: grid}
  metric: {name: eval/score, goal: maximize}
  horizon: {samples: 2000000}
  report: {points: 20}
  evaluation: {every_points: 5, max_examples: 500}
  pruning: {type: early_dynamics, risk: 0.1}
  resources: {pool: a100, gpus_per_trial: 1, max_parallel: 8}
  budget: {trials: 81, gpu_hours: 200, wall_clock: 48h}
  confirm: {top: 3, seeds: 3}
  baselines: {base: true, preset: tulu2}
"""
SCHEMA = json_schema()


def schema_takes(data: Any) -> bool:
    return jsonschema.Draft202012Validator(SCHEMA).is_valid(data)


def changed(path: str, value: Any) -> Any:
    """WHOLE with one place set, or taken out when `value` is ..."""
    data = read_document(WHOLE)
    *parents, last = path.split("/")
    place = data
    for part in parents:
        place = place[part]
    if value is ...:
        del place[last]
    else:
        place[last] = value
    return data


def test_the_design_example_parses_and_its_schema_takes_it() -> None:
    data = read_document(WHOLE)
    spec = parse(data)
    assert schema_takes(data)
    assert spec.spec.parameters.axes["learning_rate"].model_dump()["values"] == [1e-6, 5e-6, 2e-5]
    assert spec.spec.budget.wall_clock == "48h"
    jsonschema.Draft202012Validator.check_schema(SCHEMA)


def test_what_is_dumped_parses_to_itself() -> None:
    spec = parse_text(WHOLE)
    assert parse(spec.dump()) == spec
    assert parse_text(json.dumps(spec.dump())) == spec
    assert schema_takes(spec.dump())
    assert parse(spec.dump()).dump() == spec.dump()


def test_the_default_pruner_is_early_dynamics() -> None:
    assert isinstance(make_spec().spec.pruning, EarlyDynamics)


scalars = st.booleans() | st.integers(-5, 5) | st.floats(-9, 9) | st.text("abc", max_size=3)
axes = st.one_of(
    st.lists(scalars, min_size=1, max_size=3, unique_by=lambda v: (isinstance(v, bool), v)).map(
        lambda listed: {"values": listed}
    ),
    scalars.map(lambda value: {"value": value}),
    st.tuples(st.floats(-9, 0), st.floats(0.1, 9)).map(
        lambda ends: {"distribution": "uniform", "min": ends[0], "max": ends[1]}
    ),
    st.tuples(st.integers(1, 4), st.integers(5, 9)).map(
        lambda ends: {"distribution": "int_uniform", "min": ends[0], "max": ends[1]}
    ),
)
specs = st.fixed_dictionaries(
    {
        "parameters": st.dictionaries(st.sampled_from(["a", "b", "c/d", "x~y"]), axes, min_size=1),
        "method": st.sampled_from([{"type": "grid"}, {"type": "tpe", "n_startup_trials": 3}]),
        "horizon": st.sampled_from([{"samples": 100}, {"epochs": 0.5}]),
        "pruning": st.sampled_from([{"type": "never"}, {"type": "median", "grace": 0.2}]),
        "budget": st.fixed_dictionaries({}, optional={"trials": st.integers(1, 99)}),
        "seed": st.integers(0, 2**32 - 1),
    },
    optional={"confirm": st.just({"top": 1, "seeds": 2})},
)


@given(specs)
@settings(max_examples=100)
def test_any_spec_survives_dump_and_json(changes: dict[str, Any]) -> None:
    data = plain(**changes)
    spec = parse(data)
    assert schema_takes(data)
    assert parse(spec.dump()) == spec
    assert parse(json.loads(json.dumps(spec.dump()))) == spec
    assert SweepSpec.model_validate_json(spec.model_dump_json()) == spec
    text = json.dumps(spec.dump())
    assert parse_text(text).dump() == spec.dump()


WRONG = [
    ("apiVersion", "sweeps/v2", "/apiVersion"),
    ("kind", ..., "/kind"),
    ("metadata/name", "a b", "/metadata/name"),
    ("metadata/name", "x" * 101, "/metadata/name"),
    ("metadata/nam", "x", "/metadata/nam"),
    ("metadata/labels/team", 5, "/metadata/labels/team"),
    ("spec/horizon", {"samples": 0}, "/spec/horizon/samples"),
    ("spec/horizon", {"samples": 2**53}, "/spec/horizon/samples"),
    ("spec/horizon", {"samples": 1.5}, "/spec/horizon/samples"),
    ("spec/horizon", 1000, "/spec/horizon"),
    ("spec/metric/goal", "min", "/spec/metric/goal"),
    ("spec/metric/name", "", "/spec/metric/name"),
    ("spec/method", {"type": "bayes"}, "/spec/method/type"),
    ("spec/method", {}, "/spec/method/type"),
    ("spec/method", "grid", "/spec/method"),
    ("spec/pruning/risk", 1, "/spec/pruning/risk"),
    ("spec/pruning/eta", 3, "/spec/pruning/eta"),
    ("spec/report/points", 0, "/spec/report/points"),
    ("spec/workload/model", {"tiny": "gpt"}, "/spec/workload/model/tiny"),
    ("spec/workload/model", {"tiny": "llama", "layers": 2}, "/spec/workload/model/layers"),
    ("spec/workload/model", 5, "/spec/workload/model"),
    ("spec/workload/data/eval", {"a b": "x"}, "/spec/workload/data/eval/a b"),
    ("spec/workload/data/format", "csv", "/spec/workload/data/format"),
    ("spec/workload/strategy", "phased", "/spec/workload/strategy"),
    ("spec/workload/strategy", {"phased": []}, "/spec/workload/strategy/phased"),
    ("spec/workload/adapter/alpha", 1, "/spec/workload/adapter/alpha"),
    ("spec/parameters/learning_rate", 1e-5, "/spec/parameters/learning_rate"),
    ("spec/parameters/learning_rate", [1e-5], "/spec/parameters/learning_rate"),
    ("spec/parameters/learning_rate", {"values": []}, "/spec/parameters/learning_rate/values"),
    ("spec/parameters/learning_rate", {}, "/spec/parameters/learning_rate/values"),
    (
        "spec/parameters/learning_rate",
        {"values": [[1]]},
        "/spec/parameters/learning_rate/values/0",
    ),
    (
        "spec/parameters/learning_rate",
        {"min": 0, "max": 1},
        "/spec/parameters/learning_rate/distribution",
    ),
    ("spec/parameters/exclude", [5], "/spec/parameters/exclude/0"),
    ("spec/budget/trials", 0, "/spec/budget/trials"),
    ("spec/confirm", {"top": 1}, "/spec/confirm/seeds"),
    ("spec/seed", -1, "/spec/seed"),
    ("spec/colour", 1, "/spec/colour"),
]


@pytest.mark.parametrize(("path", "value", "pointer"), WRONG)
def test_a_bad_field_is_named_by_parse_and_refused_by_the_schema(
    path: str, value: Any, pointer: str
) -> None:
    data = changed(path, value)
    with pytest.raises(SpecError) as caught:
        parse(data)
    assert [fault.pointer for fault in caught.value.faults] == [pointer]
    fault = caught.value.faults[0]
    assert fault.message
    assert fault.mend
    assert not schema_takes(data)


# What JSON Schema cannot say, or says elsewhere.
BEYOND = [
    ("spec/horizon", {}, "/spec/horizon", "samples or epochs"),
    ("spec/horizon", {"samples": 1, "epochs": 1}, "/spec/horizon", "not both"),
    ("spec/budget/wall_clock", "3 days", "/spec/budget/wall_clock", "no duration"),
    ("spec/budget/wall_clock", "0h", "/spec/budget/wall_clock", "zero"),
    (
        "spec/workload/model",
        {"tiny": "llama", "hidden_size": 30},
        "/spec/workload/model",
        "multiple",
    ),
    (
        "spec/parameters/seed",
        {"values": [1, 1.0]},
        "/spec/parameters/seed",
        "same value twice",
    ),
]


@pytest.mark.parametrize(("path", "value", "pointer", "said"), BEYOND)
def test_faults_that_only_parse_sees(path: str, value: Any, pointer: str, said: str) -> None:
    with pytest.raises(SpecError, match=said) as caught:
        parse(changed(path, value))
    assert [fault.pointer for fault in caught.value.faults] == [pointer]


def test_every_fault_is_told_at_once() -> None:
    data = changed("spec/horizon", {"samples": 0})
    data["metadata"]["name"] = "a b"
    data["spec"]["metric"]["goal"] = "up"
    with pytest.raises(SpecError) as caught:
        parse(data)
    assert {fault.pointer for fault in caught.value.faults} == {
        "/metadata/name",
        "/spec/horizon/samples",
        "/spec/metric/goal",
    }


@pytest.mark.parametrize("data", [None, [], "text", 5, {}, {"spec": None}])
def test_what_is_no_spec_at_all(data: Any) -> None:
    with pytest.raises(SpecError) as caught:
        parse(data)
    assert all(fault.mend for fault in caught.value.faults)


@pytest.mark.parametrize("key", ["\ud800", "a\udfff"])
def test_half_characters_are_refused_before_anything_prints_them(key: str) -> None:
    for value in ({key: {"values": [1]}}, {"a": {"values": [key]}}):
        with pytest.raises(SpecError, match="half of a character") as caught:
            parse(plain(parameters=value))
        str(caught.value).encode()


def faults_in(data: Any) -> list[Fault]:
    try:
        parse(data)
    except SpecError as error:
        return error.faults
    return []


json_like = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=8,
)


@pytest.mark.parametrize(
    "rows",
    [{}, {"preset": None}, {"base": False}, {"base": True, "preset": "lab"}],
)
def test_a_row_that_is_not_wanted_is_told_and_read_again(rows: dict[str, Any]) -> None:
    """Null is no default here: a dump that left it out would ask for the preset."""
    spec = parse(plain(baselines=rows))
    told = spec.dump()["spec"]["baselines"]
    assert told["preset"] == rows.get("preset", "tulu2")
    assert parse(spec.dump()) == spec


@given(json_like, st.integers(0, 10**6))
@settings(max_examples=200, deadline=None)
def test_no_input_breaks_parse(junk: Any, seed: int) -> None:
    """Junk anywhere in a good spec is a SpecError or a spec, never another exception."""
    data = read_document(WHOLE)
    rng = random.Random(seed)
    place: Any = data
    while True:
        key = rng.choice(list(place)) if isinstance(place, dict) else rng.randrange(len(place))
        inner = place[key]
        if not isinstance(inner, dict | list) or not inner or rng.random() < 0.3:
            place[key] = junk
            break
        place = inner
    for fault in faults_in(data):
        str(fault).encode()
        assert fault.message
        assert fault.mend
        assert fault.pointer == "" or fault.pointer[0] == "/"
