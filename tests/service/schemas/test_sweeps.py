"""What the bodies say beyond their fields."""

from __future__ import annotations

import json

import pytest
from pydantic import ValidationError

from service.schemas import PatchSweep


@pytest.mark.parametrize(
    ("text", "given"),
    [
        ('{"priority": 0}', {"priority"}),
        ('{"max_parallel": null}', {"max_parallel"}),
        ('{"budget": {"trials": 1}, "max_parallel": 1}', {"budget", "max_parallel"}),
    ],
)
def test_a_patch_knows_what_was_given(text: str, given: set[str]) -> None:
    assert PatchSweep.model_validate_json(text).model_fields_set == given


def test_a_patch_of_nothing_is_refused() -> None:
    with pytest.raises(ValidationError, match="nothing to change"):
        PatchSweep.model_validate_json("{}")


def test_the_schema_of_a_patch_names_no_default() -> None:
    schema = PatchSweep.model_json_schema()
    assert "default" not in json.dumps(schema["properties"])
    assert (schema["minProperties"], schema.get("required")) == (1, None)
