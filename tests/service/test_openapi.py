"""The OpenAPI document: valid references, stable names, documented errors."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from jsonschema import Draft202012Validator
from pydantic import BaseModel

from service import schemas
from service.examples import REQUESTS
from sweeps.planning import Plan
from sweeps.result import Result
from sweeps.spec import SweepSpec, parse


@pytest.fixture
def document(web: httpx.Client) -> dict[str, Any]:
    """As the service publishes it."""
    found: dict[str, Any] = web.get("/openapi.json").json()
    return found


def test_every_reference_is_there(document: dict[str, Any]) -> None:
    assert document["openapi"].startswith("3.1")
    names = set(re.findall(r'"\$ref": "([^"]+)"', json.dumps(document)))
    assert len(names) > 30
    known = {f"#/components/schemas/{name}" for name in document["components"]["schemas"]}
    assert names <= known
    assert '"#/$defs' not in json.dumps(document)


# Clients are generated from these names: one that is here may not go, or be called otherwise.
OPERATIONS = {
    *("create_sweep", "list_sweeps", "plan_sweep", "get_sweep", "get_result", "pause_sweep"),
    *("resume_sweep", "cancel_sweep", "watch_sweep", "read_journal", "append_journal"),
    *("finish_sweep", "list_trials", "get_trial", "explain_trial", "stop_trial"),
    *("claim_sweep", "renew_lease", "release_lease", "list_pools", "get_schema"),
    *("patch_sweep", "retry_sweep", "retry_trial", "list_reports", "report_pruning", "read_past"),
    "read_costs",
    *("healthz", "readyz", "metrics"),
}
OPEN = {"healthz", "readyz", "metrics"}


@pytest.fixture
def operations(document: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """By operation id."""
    return {
        operation["operationId"]: operation
        for path in document["paths"].values()
        for operation in path.values()
    }


def test_operations_have_stable_names_docs_and_errors(
    document: dict[str, Any], operations: dict[str, dict[str, Any]]
) -> None:
    assert set(operations) == OPERATIONS
    described = {tag["name"] for tag in document["tags"] if tag["description"]}
    assert document["info"]["description"]
    for name, operation in operations.items():
        assert operation["description"], name
        assert len(operation["tags"]) == 1, name
        assert set(operation["tags"]) <= described, name
        for parameter in operation.get("parameters", []):
            assert parameter.get("description") or parameter["name"] in PLAIN, (name, parameter)
        if name in OPEN:
            continue
        assert operation["security"] == [{"HTTPBearer": []}], name
        assert set(operation["responses"]) >= {"401", "403", "422", "503"}, name
        for status, answer in operation["responses"].items():
            if int(status) >= 400:
                assert list(answer["content"]) == ["application/problem+json"], (name, status)
    assert set(operations["patch_sweep"]["responses"]) >= {"404", "409", "412", "413", "428"}
    for name, status in (("create_sweep", "201"), ("get_sweep", "200"), ("patch_sweep", "200")):
        assert "ETag" in operations[name]["responses"][status]["headers"]
    for name, operation in operations.items():
        assert "requestBody" not in operation or "413" in operation["responses"], name


# Query parameters whose name says all.
PLAIN = {"after", "limit", "token"}


def models() -> dict[str, type[BaseModel]]:
    """Every model that a route takes or answers, by the name its schema has."""
    known = {name: one for name, one in vars(schemas).items() if isinstance(one, type)}
    return {**known, "Plan": Plan, "Result": Result, "Spec": SweepSpec}


def examples(operation: dict[str, Any]) -> Iterator[tuple[str, str, Any]]:
    """(what, name of the schema, example) of an operation's body and answers."""
    answers = {k: v for k, v in operation["responses"].items() if k < "300"}
    for what, part in {"body": operation.get("requestBody", {}), **answers}.items():
        for kind, media in part.get("content", {}).items():
            if kind == "application/json" and "$ref" in media["schema"]:
                name = media["schema"]["$ref"].rsplit("/", 1)[-1]
                for example in media.get("examples", {"": {"value": None}}).values():
                    yield what, name, example["value"]


def test_every_body_and_answer_has_an_example_that_is_right(
    document: dict[str, Any], operations: dict[str, dict[str, Any]]
) -> None:
    found = [
        (operation, *example)
        for operation, told in operations.items()
        for example in examples(told)
    ]
    bodies = {operation for operation, what, *_ in found if what == "body"}
    assert bodies == {name for name, told in operations.items() if "requestBody" in told}
    answered = {operation for operation, what, *_ in found if what != "body"}
    # Events, the schema and the metrics are no JSON model; a released lease is no answer at all.
    assert OPERATIONS - answered == {"watch_sweep", "get_schema", "metrics", "release_lease"}
    for operation, what, name, value in found:
        model = models()[name]
        read = model.model_validate_json(json.dumps(value))
        if what != "body":
            # Nothing in it is left out or unknown: it is what the service would send.
            sent = json.loads(read.model_dump_json())
            assert _keys(value) <= _keys(sent), (operation, _keys(value) - _keys(sent))
            assert set(sent) == set(value), operation
        schema = {**document["components"]["schemas"][name], "components": document["components"]}
        Draft202012Validator(schema).validate(value)
    parse(REQUESTS["create_sweep"][0][2])


def _keys(data: Any, place: str = "") -> set[str]:
    """Every path in plain data."""
    if isinstance(data, dict):
        inner = [_keys(value, f"{place}/{key}") | {f"{place}/{key}"} for key, value in data.items()]
        return set().union(*inner)
    if isinstance(data, list):
        return set().union(*(_keys(value, f"{place}/*") for value in data))
    return set()


def test_a_spec_is_described_as_a_user_writes_it(document: dict[str, Any]) -> None:
    body = document["paths"]["/api/v1/sweeps"]["post"]["requestBody"]["content"]
    assert body["application/json"]["schema"] == {"$ref": "#/components/schemas/Spec"}
    assert set(document["components"]["schemas"]["Spec"]["required"]) == {
        *("apiVersion", "kind", "metadata", "spec")
    }
