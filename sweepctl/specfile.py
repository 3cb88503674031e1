"""A spec file as typed on the command line: read, overridden by --set, with its line numbers."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any

import yaml

from service.errors import Invalid
from sweepctl.exits import CliError, ExitCode, FileError
from sweeps.checks import check
from sweeps.checks.texts import secret_faults
from sweeps.documents import read_document
from sweeps.errors import SpecError
from sweeps.faults import nearest, pointer
from sweeps.spec import SweepSpec, parse
from sweeps.support import refuse


@dataclass
class SpecFile:
    """`data` is the plain document; `lines` has the line of each JSON pointer; `folder` is what
    relative paths in it start from."""

    name: str
    data: Any
    lines: dict[str, int]
    folder: Path

    def checked(self, *, cells: bool = True) -> SweepSpec:
        """Parse it and judge it as the service will, which need not run for that.

        `cells=False` lets cells pass that cannot run. Raises FileError with every fault and its
        line.
        """
        try:
            spec = parse(self.data)
            if faults := secret_faults(spec):
                raise SpecError(faults)
            refuse(spec)
            check(spec, cells=cells)
        except SpecError as error:
            raise FileError(self.name, error.faults, self.lines) from None
        return spec

    def refused(self, error: Invalid) -> Exception:
        """The service's refusal, told with this file's lines where it points at fields."""
        return FileError(self.name, error.faults, self.lines) if error.faults else error


def load(file: str | None, preset: str | None, data_root: Path | None) -> SpecFile:
    """`-f FILE`, `-f -` or `--preset NAME`: exactly one of them. Raises CliError, FileError."""
    if preset is not None and file is None:
        return _read(f"preset {preset}", preset_text(preset), data_root or Path.cwd())
    if file is None or preset is not None:
        raise CliError(
            "give exactly one of -f FILE and --preset NAME", ExitCode.USAGE, "sweepctl presets list"
        )
    if file == "-":
        return _read("<stdin>", sys.stdin.read(), data_root or Path.cwd())
    path = Path(file)
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        hint = "sweepctl presets list"
        raise CliError(f"there is no file {file}", ExitCode.USAGE, hint) from None
    except UnicodeDecodeError:
        hint = f"iconv -t UTF-8 {file} | sweepctl create -f -"
        raise CliError(f"{file} is not UTF-8 text", ExitCode.USAGE, hint) from None
    except OSError as error:
        raise CliError(
            f"{file} cannot be read: {error.strerror}", ExitCode.USAGE, "name a file you may read"
        ) from None
    return _read(file, text, data_root or path.resolve().parent)


def preset_names() -> list[str]:
    """The shipped presets."""
    found = files("sweeps.presets").iterdir()
    return sorted(item.name.removesuffix(".yaml") for item in found if item.name.endswith(".yaml"))


def preset_text(name: str) -> str:
    """A preset's YAML. Raises CliError for an unknown name."""
    known = preset_names()
    if name not in known:
        close = nearest(name, known)
        hint = f"did you mean '{close}'? " if close else ""
        raise CliError(
            f"there is no preset '{name}'; there are {', '.join(known)}",
            ExitCode.USAGE,
            f"{hint}sweepctl presets list",
        )
    return (files("sweeps.presets") / f"{name}.yaml").read_text(encoding="utf-8")


def override(spec: SpecFile, settings: list[str], name: str | None) -> None:
    """Apply `--set PATH=VALUE` in order, then `--name`. PATH is dotted, from the `spec:` block on;
    `metadata.` and `spec.` in front are taken as written. VALUE is YAML; null takes a key out.

    Raises CliError for a path that leads into something that is no mapping or list.
    """
    for setting in settings:
        path, equals, value = setting.partition("=")
        if not equals or not path:
            raise CliError(
                f"--set {setting}: not PATH=VALUE",
                ExitCode.USAGE,
                "write e.g. --set parameters.learning_rate.values='[1e-4]'",
            )
        parts = path.split(".")
        if parts[0] not in ("spec", "metadata"):
            parts.insert(0, "spec")
        _put(spec, parts, _document(f"--set {setting}", value), setting)
    if name is not None:
        _put(spec, ["metadata", "name"], name, f"metadata.name={name}")


def _put(spec: SpecFile, parts: list[str], value: Any, setting: str) -> None:
    if not isinstance(spec.data, dict):
        raise CliError(
            f"{spec.name} holds no mapping to set {setting} in",
            ExitCode.USAGE,
            "sweepctl presets show NAME prints a whole spec",
        )
    place: Any = spec.data
    for depth, part in enumerate(parts[:-1]):
        place = _enter(place, part, parts[: depth + 1], setting)
    last = parts[-1]
    if isinstance(place, list):
        place[_index(place, last, setting)] = value
    elif not isinstance(place, dict):
        raise CliError(
            f"--set {setting}: {'.'.join(parts[:-1])} is a value",
            ExitCode.USAGE,
            "set the whole block instead",
        )
    elif value is None:
        place.pop(last, None)
    else:
        place[last] = value


def _enter(place: Any, part: str, so_far: list[str], setting: str) -> Any:
    if isinstance(place, list):
        return place[_index(place, part, setting)]
    if place.get(part) is None:
        place[part] = {}
    inner = place[part]
    if not isinstance(inner, dict | list):
        raise CliError(
            f"--set {setting}: {'.'.join(so_far)} is the value {inner!r}, not a block",
            ExitCode.USAGE,
            "set the whole block instead",
        )
    return inner


def _index(place: list[Any], part: str, setting: str) -> int:
    if not part.isdecimal() or int(part) >= len(place):
        raise CliError(
            f"--set {setting}: '{part}' is no place in a list of {len(place)}",
            ExitCode.USAGE,
            "places count from 0; or set the whole list",
        )
    return int(part)


def _read(name: str, text: str, folder: Path) -> SpecFile:
    return SpecFile(name, _document(name, text), _lines(text), folder.resolve())


def _document(name: str, text: str) -> Any:
    try:
        return read_document(text)
    except SpecError as error:
        raise FileError(name, error.faults, {}) from None


def _lines(text: str) -> dict[str, int]:
    """JSON pointer -> line. `text` was read by `read_document`, so it composes."""
    found: dict[str, int] = {}

    def walk(node: yaml.Node | None, parts: list[str | int]) -> None:
        if isinstance(node, yaml.MappingNode):
            for key, value in node.value:
                here = [*parts, str(key.value)]
                found[pointer(here)] = key.start_mark.line + 1
                walk(value, here)
        elif isinstance(node, yaml.SequenceNode):
            for index, value in enumerate(node.value):
                found[pointer([*parts, index])] = value.start_mark.line + 1
                walk(value, [*parts, index])

    walk(yaml.compose(text, yaml.SafeLoader), [])
    return found
