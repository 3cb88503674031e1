"""The OpenAPI document: valid references, stable names, documented errors."""

from __future__ import annotations

import json
import re
from typing import Any

import httpx
import pytest


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


def test_operations_have_stable_names_docs_and_errors(document: dict[str, Any]) -> None:
    operations = {
        operation["operationId"]: operation
        for path in document["paths"].values()
        for operation in path.values()
    }
    assert set(operations) == {
        *("create_sweep", "list_sweeps", "plan_sweep", "get_sweep", "get_result", "pause_sweep"),
        *("resume_sweep", "cancel_sweep", "watch_sweep", "read_journal", "append_journal"),
        *("finish_sweep", "list_trials", "get_trial", "explain_trial", "stop_trial"),
        *("claim_sweep", "renew_lease", "release_lease", "list_pools", "get_schema"),
        *("healthz", "readyz", "metrics"),
    }
    for name, operation in operations.items():
        assert operation["description"], name
        if name in ("healthz", "readyz", "metrics"):
            continue
        assert operation["security"] == [{"HTTPBearer": []}], name
        assert set(operation["responses"]) >= {"401", "403", "422", "503"}, name
        for status, answer in operation["responses"].items():
            if int(status) >= 400:
                assert list(answer["content"]) == ["application/problem+json"], (name, status)


def test_a_spec_is_described_as_a_user_writes_it(document: dict[str, Any]) -> None:
    body = document["paths"]["/api/v1/sweeps"]["post"]["requestBody"]["content"]
    assert body["application/json"]["schema"] == {"$ref": "#/components/schemas/Spec"}
    assert set(document["components"]["schemas"]["Spec"]["required"]) == {
        *("apiVersion", "kind", "metadata", "spec")
    }
