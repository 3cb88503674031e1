from __future__ import annotations

from typing import Any

import pytest
from stories import make_spec, plain

from sweeps.checks.texts import scheme_of, secret_faults, sources, text_faults
from sweeps.errors import Fault
from sweeps.spec import SweepSpec, parse

TOKEN = "hf_" + "a1B2" * 8
DATA = {"train": "a.jsonl", "eval": "b.jsonl"}


def of(**workload: Any) -> SweepSpec:
    return make_spec(workload={"model": "org/name", "data": DATA, **workload})


def labelled(**labels: str) -> SweepSpec:
    return parse({**plain(), "metadata": {"name": "t", "labels": labels}})


def only(faults: list[Fault]) -> Fault:
    (fault,) = faults
    return fault


@pytest.mark.parametrize(
    ("spec", "pointer"),
    [
        (of(model=TOKEN), "/spec/workload/model"),
        (of(options={"x": f"Bearer {TOKEN}"}), "/spec/workload/options/x"),
        (of(options={"hub_token": "opensesame"}), "/spec/workload/options/hub_token"),
        (labelled(password="hunter2"), "/metadata/labels/password"),
        (labelled(**{"api-key": "123"}), "/metadata/labels/api-key"),
        (make_spec(parameters={"a": {"values": [TOKEN, "b"]}}), "/spec/parameters/a/values/0"),
    ],
)
def test_a_secret_is_named_by_its_place_and_never_printed(spec: SweepSpec, pointer: str) -> None:
    fault = only(secret_faults(spec))
    assert fault.pointer == pointer
    assert fault.value == "(hidden)"
    for secret in (TOKEN, "opensesame", "hunter2", "123"):
        assert secret not in str(fault)
    assert "environment" in fault.mend


def test_a_secret_in_a_key_is_hidden_there_too() -> None:
    fault = only(secret_faults(labelled(**{TOKEN: "x"})))
    assert TOKEN not in str(fault)
    assert fault.pointer == "/metadata/labels/(hidden)"


def test_ordinary_texts_are_no_secrets() -> None:
    assert secret_faults(labelled(team="nlp", tokenizer="own", owner="a@b.org")) == []
    assert secret_faults(of(options={"max_tokens": 5})) == []


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("file:///data/x.jsonl", "Write the path: /data/x.jsonl"),
        ("https://huggingface.co/org/name", "Write the hub id: org/name"),
        ("https://huggingface.co/datasets/org/name/tree/main", "Write the hub id: org/name"),
        ("https://example.org/x.jsonl", "https:// is not read from"),
        ("FTP://example.org/x", "ftp:// is not read from"),
        ("~/x.jsonl", "~ is not expanded"),
        ("a\x00b", "control characters"),
    ],
)
def test_a_name_that_cannot_be_a_source(name: str, said: str) -> None:
    fault = only(text_faults(of(data={"train": name, "eval": "b.jsonl"})))
    assert fault.pointer == "/spec/workload/data/train"
    assert said in str(fault)


@pytest.mark.parametrize("name", ["a.jsonl", "/data/a b.jsonl", "org/name", "../a", "s3://b/k"])
def test_paths_hub_ids_and_addresses_that_support_answers_for(name: str) -> None:
    assert text_faults(of(data={"train": name})) == []


def test_control_characters_anywhere() -> None:
    assert only(text_faults(labelled(team="a\x00b"))).pointer == "/metadata/labels/team"


def test_every_source_is_looked_at() -> None:
    tiny = {"tiny": "llama", "tokenizer": "tok"}
    spec = of(model=tiny, data={"train": "t", "eval": {"a": "x", "b": "y"}})
    assert [(place[-1], name) for place, name in sources(spec)] == [
        ("tokenizer", "tok"),
        ("train", "t"),
        ("a", "x"),
        ("b", "y"),
    ]
    assert [name for _, name in sources(of())] == ["org/name", "a.jsonl", "b.jsonl"]
    assert list(sources(make_spec(workload={}))) == []


@pytest.mark.parametrize(
    ("name", "scheme"),
    [("S3://x", "s3"), ("a/b", None), ("C:/x", None), ("://x", None), ("a+b://x", "a+b")],
)
def test_scheme_of(name: str, scheme: str | None) -> None:
    assert scheme_of(name) == scheme
