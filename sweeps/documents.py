"""Text -> plain data: YAML and JSON as a person writes them, with limits. And a line back."""

from __future__ import annotations

import re
from typing import Any

import yaml

from sweeps.errors import Fault, SpecError

MAX_BYTES = 256 * 1024
MAX_DEPTH = 32


class _Loader(yaml.SafeLoader):
    """SafeLoader that reads `1e-6` as a number (YAML 1.2) and refuses a key written twice.

    PyYAML follows YAML 1.1, where `1e-6` without a dot is a string: every learning rate in the
    field's own notation would arrive as text.
    """

    def compose_node(self, parent: yaml.Node | None, index: Any) -> yaml.Node | None:
        if self.check_event(yaml.AliasEvent):
            raise _fault("an alias", "YAML aliases are not read here", "Write the value out.")
        return super().compose_node(parent, index)


class _Dumper(yaml.SafeDumper):
    """SafeDumper for `_Loader`: quotes around a text that it would read as a number, no aliases."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


for _side in (_Loader, _Dumper):
    _side.add_implicit_resolver(
        "tag:yaml.org,2002:float",
        re.compile(r"^[-+]?(?:[0-9][0-9_]*)(?:\.[0-9]*)?[eE][-+]?[0-9]+$"),
        list("-+0123456789"),
    )


def _mapping(loader: _Loader, node: yaml.MappingNode) -> dict[str, Any]:
    seen: dict[str, Any] = {}
    for key_node, value_node in node.value:
        key = loader.construct_object(key_node, deep=True)
        if not isinstance(key, str):
            raise _fault(repr(key), "a key that is not text", "Put the key in quotes.")
        if key in seen:
            raise _fault(key, f"the key '{key}' is written twice", "Keep one of the two.")
        seen[key] = loader.construct_object(value_node, deep=True)
    return seen


def _text(loader: _Loader, node: yaml.ScalarNode) -> str:
    """JSON writes characters beyond 16 bits as two escapes, which PyYAML leaves apart."""
    text: str = loader.construct_scalar(node)
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "surrogatepass")


# Plain data only: sets have no order, and a date would not be the text that was written.
_PLAIN = ("null", "bool", "int", "float", "str", "seq", "map")
_Loader.yaml_constructors = {
    tag: build
    for tag, build in yaml.SafeLoader.yaml_constructors.items()
    if tag is None or tag.removeprefix("tag:yaml.org,2002:") in _PLAIN
}
_Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in found if not tag.endswith(":timestamp")]
    for first, found in _Loader.yaml_implicit_resolvers.items()
}
_Loader.add_constructor(yaml.resolver.BaseResolver.DEFAULT_MAPPING_TAG, _mapping)
_Loader.add_constructor(yaml.resolver.BaseResolver.DEFAULT_SCALAR_TAG, _text)


def read_document(text: str) -> Any:
    """Parse YAML (of which JSON is a part) into plain data.

    Raises SpecError for text over `MAX_BYTES`, nesting over `MAX_DEPTH`, aliases, duplicate keys,
    halves of characters, and tags of any kind (those that name Python code among them).
    """
    if len(text.encode(errors="replace")) > MAX_BYTES:
        raise _fault(f"{len(text)} characters", f"longer than {MAX_BYTES} bytes", "Shorten it.")
    try:
        data = yaml.load(text, _Loader)  # noqa: S506 - a SafeLoader subclass
    except yaml.constructor.ConstructorError as error:
        mend = "Write plain text, numbers, lists and mappings, without tags (!...)."
        raise _fault(_where(error), "this is not plain data", mend) from error
    except ValueError as error:
        raise _fault("a value", f"a value cannot be read: {error}", "Mend it.") from error
    except yaml.YAMLError as error:
        raise _fault(_where(error), "this is not YAML", "Mend the line named.") from error
    except RecursionError as error:
        raise _fault("nested lists", "nested too deeply", f"Stay under {MAX_DEPTH}.") from error
    check_depth(data)
    check_text(data)
    return data


def in_line(data: Any) -> str:
    """A list or mapping of plain data as YAML in one line, which `read_document` reads back."""
    made: str = yaml.dump(
        data,
        Dumper=_Dumper,
        default_flow_style=True,
        sort_keys=False,
        allow_unicode=True,
        width=float("inf"),
    )
    return made.rstrip()


def check_depth(data: Any, limit: int = MAX_DEPTH) -> None:
    """Raise SpecError when lists and mappings are nested more than `limit` deep."""
    level = [data]
    for _ in range(limit):
        level = [child for item in level for child in _children(item)]
        if not level:
            return
    raise _fault("nested lists", f"nested more than {limit} deep", "Flatten it.")


def check_text(data: Any) -> None:
    """Raise SpecError for a text or key that is no Unicode: half of a surrogate pair, which JSON
    can write and no store can keep."""
    if isinstance(data, str):
        try:
            data.encode()
        except UnicodeEncodeError as error:
            raise _fault(ascii(data)[:80], "half of a character", "Write both halves.") from error
    for item in [*data, *_children(data)] if isinstance(data, dict) else _children(data):
        check_text(item)


def _children(item: Any) -> list[Any]:
    if isinstance(item, dict):
        return list(item.values())
    return item if isinstance(item, list) else []


def _where(error: yaml.YAMLError) -> str:
    mark = getattr(error, "problem_mark", None)
    problem = getattr(error, "problem", None) or str(error)
    return f"line {mark.line + 1}, column {mark.column + 1}: {problem}" if mark else problem


def _fault(value: str, message: str, mend: str) -> SpecError:
    return SpecError([Fault("", value, message, mend)])
