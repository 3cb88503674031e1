"""Pydantic's errors -> faults with a JSON pointer into what the user wrote, and a mend."""

from __future__ import annotations

import difflib
import json
import re
from typing import Any

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from sweeps.errors import Fault
from sweeps.mends import sentences
from sweeps.redaction import hide

# Every arm of a union of plain types failed: pydantic says so once for each arm.
_ARMS = {"bool", "int", "float", "str"}
_TRACEBACK = "Traceback (most recent call last):\n"


def faults_of(error: ValidationError, data: Any, model: type[BaseModel]) -> list[Fault]:
    """Each pydantic error as a Fault. `data` is what was validated against `model`."""
    faults: dict[str, Fault] = {}
    for detail in error.errors(include_url=False):
        fault = _fault(detail, data, model)
        last = detail["loc"][-1] if detail["loc"] else ""
        # The arms of one union share a place and become one fault.
        key = fault.pointer if last in _ARMS else f"{fault.pointer} {detail['type']} {last}"
        faults.setdefault(key, fault)
    return list(faults.values())


def pointer(parts: list[str | int]) -> str:
    """RFC 6901: /spec/parameters/learning_rate/values/0."""
    return "".join("/" + str(part).replace("~", "~0").replace("/", "~1") for part in parts)


def shorten(value: Any, limit: int = 80) -> str:
    """A bad value as JSON text, cut at `limit` characters; hidden when it looks like a secret."""
    text = hide(json.dumps(value, default=str, ensure_ascii=False))
    return text if len(text) <= limit else text[: limit - 3] + "..."


def nearest(name: str, known: list[str], cutoff: float = 0.6) -> str | None:
    """The known name that `name` most likely meant, or None."""
    close = difflib.get_close_matches(name, known, n=1, cutoff=cutoff)
    return close[0] if close else None


def headline(error: str) -> str:
    """The line of a trial's error that says what happened: the first one of a traceback's last
    exception, else the last one. The lines of a traceback itself are indented."""
    _, traced, tail = error.strip().rpartition(_TRACEBACK)
    told = [line for line in tail.splitlines() if line.strip() and not line[0].isspace()]
    return (told or [""])[0 if traced else -1]


def _fault(detail: ErrorDetails, data: Any, model: type[BaseModel]) -> Fault:
    loc, kind = list(detail["loc"]), detail["type"]
    parts, value = _follow(loc, data, kind)
    if kind == "extra_forbidden":
        return _unknown(parts, str(parts[-1]), _siblings(loc[:-1], model))
    if kind in ("literal_error", "union_tag_invalid"):
        return _choice(detail, parts, value, _takes_list(loc, model))
    if kind == "union_tag_not_found":
        parts, value, kind = [*parts, "type"], None, "missing"
    if loc and loc[-1] in _ARMS:
        kind = "plain_type"
    message, mend = sentences(kind, detail, parts, value)
    shown = "nothing" if kind == "missing" else shorten(value)
    return Fault(pointer(parts), shown, message, mend)


def _choice(detail: ErrorDetails, parts: list[str | int], value: Any, listed: bool) -> Fault:
    """A word that is none of those known here; where a list is, too (`listed`), it may want to be
    one."""
    context = detail.get("ctx", {})
    known = re.findall(r"'([^']*)'", str(context.get("expected") or context["expected_tags"]))
    if detail["type"] == "union_tag_invalid":
        name = str(context["discriminator"]).strip("'")
        parts, value = [*parts, name], context["tag"]
    close = nearest(value, known, 0.75) if isinstance(value, str) else None
    mend = f"Write one of: {', '.join(known)}." if len(known) > 1 else f"Write {known[0]}."
    if listed and isinstance(value, str) and value.strip(", "):
        names = ", ".join(name.strip() for name in value.split(",") if name.strip())
        mend = f"Write a list: [{names}], or {' or '.join(known)}."
    mend = f"Did you mean '{close}'?" if close else mend
    return Fault(pointer(parts), shorten(value), "is not known here", mend)


def _unknown(parts: list[str | int], name: str, known: list[str]) -> Fault:
    close = nearest(name, known)
    mend = f"Did you mean '{close}'?" if close else f"Known here: {', '.join(sorted(known))}."
    return Fault(pointer(parts), shorten(name), f"unknown key '{name}'", mend)


def _follow(loc: list[str | int], data: Any, kind: str) -> tuple[list[str | int], Any]:
    """Keep the parts of `loc` that are in the data; union tags and inner names are not."""
    parts: list[str | int] = []
    for index, part in enumerate(loc):
        inside = (isinstance(data, dict) and part in data) or (
            isinstance(data, list) and isinstance(part, int) and part < len(data)
        )
        if inside:
            parts, data = [*parts, part], data[part]
        elif index == len(loc) - 1 and kind == "missing":
            return [*parts, part], None
    return parts, data


def _siblings(loc: list[str | int], model: type[BaseModel]) -> list[str]:
    """Names of the fields beside an unknown key."""
    return sorted({name for place in _places(loc, model) for name in place.get("properties", {})})


def _takes_list(loc: list[str | int], model: type[BaseModel]) -> bool:
    """True where a list of texts may be written as well."""
    lists = (place for place in _places(loc, model) if place.get("type") == "array")
    return any(place.get("items", {}).get("type") == "string" for place in lists)


def _places(loc: list[str | int], model: type[BaseModel]) -> list[dict[str, Any]]:
    """The schemas of what may stand at `loc`, found by walking the model along it."""
    schema = model.model_json_schema()
    places = [schema]
    for part in loc:
        places = [child for place in places for child in _enter(place, part, schema)]
    return places


def _enter(place: dict[str, Any], part: str | int, root: dict[str, Any]) -> list[dict[str, Any]]:
    inner = place.get("properties", {}).get(part) or place.get("additionalProperties")
    if isinstance(part, int):
        inner = place.get("items")
    found = _resolve(inner, root) if isinstance(inner, dict) else [place]
    return found or [place]


def _resolve(place: dict[str, Any], root: dict[str, Any]) -> list[dict[str, Any]]:
    if "$ref" in place:
        return _resolve(root["$defs"][place["$ref"].rsplit("/", 1)[1]], root)
    branches = place.get("anyOf") or place.get("oneOf") or []
    if branches and "properties" not in place:
        return [leaf for branch in branches for leaf in _resolve(branch, root)]
    return [place]
