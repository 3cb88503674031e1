"""Fields of a JSON Schema as lines of Markdown. Lists, not tables: a long line wraps."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

Schema = dict[str, Any]
WARNING = "<!-- Written by `make docs` from the code: change the code, not this page. -->"
_BOUNDS = {
    "minimum": "at least {}",
    "exclusiveMinimum": "above {}",
    "maximum": "at most {}",
    "exclusiveMaximum": "below {}",
    "minLength": "at least {} long",
    "maxLength": "at most {} long",
    "minItems": "at least {} items",
    "maxItems": "at most {} items",
    "pattern": "matches `{}`",
}
# Bounds that say nothing.
_TRIVIAL = {"minLength": 1, "minimum": float("-inf")}


def name_of(schema: Schema) -> str | None:
    """The name of the definition that a schema refers to."""
    reference = schema.get("$ref")
    return None if reference is None else str(reference).rpartition("/")[2]


def lines(model: Schema, prefix: str = "") -> Iterator[str]:
    """One item a field: its name, its type with its bounds, its default, what is said of it."""
    required = set(model.get("required", []))
    for name, schema in model.get("properties", {}).items():
        said = [kind(schema), *bounds(schema)]
        if name in required:
            said.append("**required**")
        elif schema.get("default") is not None:
            said.append(f"default `{json.dumps(schema['default'])}`")
        about = schema.get("description")
        yield f"- `{prefix}{name}`: {', '.join(said)}" + (f". {flat(about)}" if about else "")


def kind(schema: Schema) -> str:
    """The type in words; a definition by its name as a link."""
    named = name_of(schema)
    if named is not None:
        return link(named)
    if "const" in schema:
        return f"`{schema['const']}`"
    if "enum" in schema:
        return "one of " + ", ".join(f"`{value}`" for value in schema["enum"])
    for several in ("anyOf", "oneOf"):
        if several in schema:
            return _either(schema[several])
    if schema.get("type") == "array":
        return f"list of {kind(schema.get('items', {}))}"
    if schema.get("type") == "object":
        return _mapping(schema)
    return str(schema.get("type", "anything"))


def bounds(schema: Schema) -> list[str]:
    """What a value must keep to, beside its type."""
    found = [
        words.format(f"{schema[key]:,}" if isinstance(schema[key], int) else schema[key])
        for key, words in _BOUNDS.items()
        if key in schema and schema[key] != _TRIVIAL.get(key)
    ]
    for one in schema.get("anyOf", []):
        found += [bound for bound in bounds(one) if bound not in found]
    return found


def link(name: str) -> str:
    """A link to a heading of the same page, or to that of a spec's part on its own page."""
    page, _, bare = name.rpartition("Spec.")
    anchor = bare.lower()
    if name == "Spec":
        return "[Spec](spec.md)"
    return f"[{bare}]({'' if bare == name and not page else 'spec.md'}#{anchor})"


def flat(text: str) -> str:
    """Prose on one line."""
    return " ".join(text.split())


def _either(several: list[Schema]) -> str:
    kinds = [kind(one) for one in several if one.get("type") != "null"]
    words = list(dict.fromkeys(kinds))
    if "number" in words and "integer" in words:
        words.remove("integer")
    return " or ".join(words) + (" or null" if len(kinds) < len(several) else "")


def _mapping(schema: Schema) -> str:
    inner = schema.get("additionalProperties")
    patterns = schema.get("patternProperties")
    if isinstance(patterns, dict):
        (inner,) = patterns.values()
    return f"mapping of {kind(inner)}" if isinstance(inner, dict) and inner else "mapping"
