"""From plain data or text to a spec, with every fault, and what an editor needs to check one."""

from __future__ import annotations

from typing import Any

from pydantic import ValidationError

from sweeps.documents import check_depth, check_text, read_document
from sweeps.errors import SpecError
from sweeps.faults import faults_of
from sweeps.spec.sweep import SweepSpec


def parse(data: Any) -> SweepSpec:
    """Plain data -> SweepSpec. Raises SpecError with every fault, each with pointer and mend."""
    check_depth(data)
    check_text(data)
    try:
        return SweepSpec.model_validate(data)
    except ValidationError as error:
        raise SpecError(faults_of(error, data, SweepSpec)) from error


def parse_text(text: str) -> SweepSpec:
    """YAML or JSON text -> SweepSpec. Raises SpecError."""
    return parse(read_document(text))


def json_schema() -> dict[str, Any]:
    """The JSON Schema (2020-12) of a spec file."""
    schema = SweepSpec.model_json_schema(mode="validation")
    _close(schema)
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema}


def _close(place: Any) -> None:
    """Refuse keys that match no pattern; pydantic writes the pattern and leaves the rest open."""
    if isinstance(place, dict):
        if "patternProperties" in place:
            place["additionalProperties"] = False
        for inner in place.values():
            _close(inner)
    elif isinstance(place, list):
        for inner in place:
            _close(inner)
