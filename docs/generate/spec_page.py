"""docs/reference/spec.md: all that a spec may hold."""

from __future__ import annotations

from collections.abc import Iterator

from docs.generate.fields import WARNING, Schema, flat, lines, name_of
from sweeps.phases import OF_A_PHASE
from sweeps.presets import load, names
from sweeps.pruners import PRUNERS
from sweeps.searchers import SEARCHERS
from sweeps.sft_parameters import SFT_OPTIONS, SFT_PARAMETERS, Parameter
from sweeps.spec import json_schema, parse_text
from sweeps.support import OPTIONS, ROWS

_HEAD = f"""{WARNING}
# The spec

A sweep is one YAML or JSON document. Unknown keys are errors, and `sweepctl schema` prints the \
JSON Schema. A field that is neither required nor has a default is absent unless written."""
# What has members enough for a section of its own.
_UNIONS = {"method": "Method", "pruning": "Pruning"}


def text() -> str:
    """The page."""
    schema = json_schema()
    parts: dict[str, Schema] = schema.pop("$defs")
    blocks = parts["Body"]["properties"]
    members = {key: blocks[key]["discriminator"]["mapping"] for key in _UNIONS}
    for key, name in _UNIONS.items():
        blocks[key] = {"$ref": name, "default": blocks[key].get("default")}
    page = [_HEAD, "", "## The document", "", *lines(schema)]
    for name, path in _reached(schema["properties"], parts, ""):
        page += ["", f"## {name}", "", *_part(parts[name], path)]
        page += ["", *_parameters()] if name == "Parameters" else []
    for key, known in (("method", SEARCHERS), ("pruning", PRUNERS)):
        page += ["", f"## {_UNIONS[key]}", "", f"What `spec.{key}` may be, by its `type`."]
        for type_, reference in members[key].items():
            built = "" if type_ in known else ", not built in this version"
            page += ["", f"### {type_}", "", f"`{key}: {{type: {type_}}}`{built}", ""]
            part = parts[reference.rpartition("/")[2]]
            page += _part(part, f"spec.{key}")
            for name, path in _reached(part["properties"], parts, f"spec.{key}"):
                page += ["", f"#### {name}", "", *_part(parts[name], path)]
    return "\n".join([*page, "", *_presets(), "", *_missing(), ""])


def _reached(
    fields: Schema, parts: dict[str, Schema], path: str, seen: frozenset[str] = frozenset()
) -> Iterator[tuple[str, str]]:
    """Each definition with the path of the field that holds it, as a reader meets them."""
    for field, schema in fields.items():
        here = f"{path}.{field}".lstrip(".")
        for name, inner in _held(schema, here):
            if name in parts and name not in seen:
                yield name, inner
                deeper = parts[name]
                held = {**deeper["properties"]}
                if isinstance(deeper.get("additionalProperties"), dict):
                    held["NAME"] = deeper["additionalProperties"]
                yield from _reached(held, parts, inner, seen | {name})


def _held(schema: Schema, path: str) -> Iterator[tuple[str, str]]:
    name = name_of(schema)
    if name is not None:
        yield name, path
    for several in ("anyOf", "oneOf"):
        for one in schema.get(several, []):
            yield from _held(one, path)
    if "items" in schema:
        yield from _held(schema["items"], f"{path}[]")


def _part(part: Schema, path: str) -> Iterator[str]:
    yield part["description"]
    fields = {name: _plain(field) for name, field in part["properties"].items()}
    if path.removeprefix("spec.") in _UNIONS:
        fields.pop("type")
    if fields:
        yield ""
        yield from lines({**part, "properties": fields}, f"{path}.")


def _plain(field: Schema) -> Schema:
    """A block whose default is its own defaults needs none of them here."""
    default = field.get("default")
    own = "$ref" in field and isinstance(default, dict) and "type" not in default
    return {key: value for key, value in field.items() if not (own and key == "default")}


def _parameters() -> Iterator[str]:
    yield "The recipe `sft` reads these axes; `global_batch_size` and `learning_rate` are needed."
    yield ""
    for name, parameter in SFT_PARAMETERS.items():
        yield f"- `{name}`: {_range(parameter)}. {parameter.help}"
    names = ", ".join(f"`phase2_{name}`" for name in OF_A_PHASE)
    yield ""
    yield f"Of one phase alone ([phases](../phased.md)), such as the second: {names}."
    yield ""
    yield "And these `workload.options`, described in [adapters](../adapters.md):"
    yield ""
    for name, choices in SFT_OPTIONS.items():
        some = ", ".join(f"`{choice}`" for choice in choices or ("true", "false"))
        yield f"- `{name}`: {some}"


def _range(parameter: Parameter) -> str:
    kinds = {"int": "integer", "float": "number", "str": "text", "modules": "names of modules"}
    words = kinds[parameter.kind]
    limits = [
        ("at least", parameter.minimum),
        ("above", parameter.above),
        ("at most", parameter.maximum),
        ("below", parameter.below),
    ]
    said = [f"{word} {limit:g}" for word, limit in limits if limit is not None]
    some = [", ".join(f"`{choice}`" for choice in parameter.choices)] if parameter.choices else []
    return ", ".join([words, *said, *some])


def _presets() -> Iterator[str]:
    yield "## Presets"
    yield ""
    yield "`sweepctl presets show NAME` prints one; `sweepctl create --preset NAME` submits it."
    for name in names():
        text = load(name)
        comment = [line[1:].strip() for line in text.split("apiVersion")[0].splitlines()]
        about = "\n".join(comment).split("\n\n")[0]
        body = parse_text(text).spec
        yield ""
        yield f"### {name}"
        yield ""
        yield flat(about)
        yield ""
        yield f"- method `{body.method.type}`, pruning `{body.pruning.type}`"
        yield f"- axes: {', '.join(f'`{axis}`' for axis in body.parameters.axes)}"


def _missing() -> Iterator[str]:
    yield "## Not built in this version"
    yield ""
    yield "A spec that asks for one of these is refused with the name of the field."
    yield ""
    for row in (*ROWS, *OPTIONS):
        yield f"- `{row.pointer}`: {row.missing}. {row.mend}"
