"""Texts in a spec: secrets, control characters, and names of models and data."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from sweeps.errors import Fault
from sweeps.faults import pointer, shorten
from sweeps.phases import phases_of
from sweeps.redaction import HIDDEN, names_secret, secret_in
from sweeps.spec import SweepSpec, TinyModel

# Schemes that `sweeps.support` answers for: meant to be read one day.
REMOTE = ("s3", "gs", "hf")
_SCHEME = re.compile(r"^([A-Za-z][A-Za-z0-9+.-]*)://")
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")

Place = list[str | int]


def secret_faults(spec: SweepSpec) -> list[Fault]:
    """A fault for every text that looks like a secret, without the text."""
    faults = []
    mend = "Take it out. Secrets live in the environment of the agent and the service."
    for place, key, text in _texts(spec.dump(), []):
        what = secret_in(text) or (secret_in(key) and "a secret")
        if what is None and names_secret(key):
            what = f"a secret, by its name '{key}'"
        if what is not None:
            where = [HIDDEN if secret_in(str(part)) else part for part in place]
            faults.append(Fault(pointer(where), HIDDEN, f"this looks like {what}", mend))
    return faults


def text_faults(spec: SweepSpec) -> list[Fault]:
    """Control characters anywhere; addresses where a path or hub id belongs."""
    faults = [
        Fault(pointer(place), shorten(text), "control characters in a text", "Take them out.")
        for place, key, text in _texts(spec.dump(), [])
        if _CONTROL.search(text) or _CONTROL.search(key)
    ]
    for place, name in sources(spec):
        message, mend = _source(name)
        if message:
            faults.append(Fault(pointer(place), shorten(name), message, mend))
    return faults


def sources(spec: SweepSpec) -> Iterator[tuple[Place, str]]:
    """Every name of a model, tokenizer or data set, with its place in the spec."""
    workload, at = spec.spec.workload, ["spec", "workload"]
    model, data = workload.model, workload.data
    if isinstance(model, str):
        yield [*at, "model"], model
    elif isinstance(model, TinyModel) and model.tokenizer:
        yield [*at, "model", "tokenizer"], model.tokenizer
    for index, phase in enumerate(phases_of(workload)):
        yield [*at, "strategy", "phased", index, "data"], phase.data
    if data is None:
        return
    if data.train is not None:
        yield [*at, "data", "train"], data.train
    for use, sets in (("eval", data.eval), ("unseen", data.unseen)):
        if isinstance(sets, str):
            yield [*at, "data", use], sets
        for name, path in (sets if isinstance(sets, dict) else {}).items():
            yield [*at, "data", use, name], path


def scheme_of(name: str) -> str | None:
    """The URL scheme of a name, in small letters, or None for a path or hub id."""
    match = _SCHEME.match(name)
    return match.group(1).lower() if match else None


def _source(name: str) -> tuple[str, str]:
    scheme = scheme_of(name)
    if name.startswith("~"):
        return "~ is not expanded: it is another folder on every machine", "Write the whole path."
    if scheme is None or scheme in REMOTE:
        return "", ""
    if scheme == "file":
        return "this is a URL, not a path", f"Write the path: {name.split('://', 1)[1]}"
    if "huggingface.co/" in name:
        hub = name.split("huggingface.co/", 1)[1].removeprefix("datasets/").strip("/")
        return "this is a web page", f"Write the hub id: {'/'.join(hub.split('/')[:2])}"
    mend = "Write a hub id, or a path under the data roots of the pool."
    return f"{scheme}:// is not read from", mend


def _texts(data: Any, place: Place, key: str = "") -> Iterator[tuple[Place, str, str]]:
    """(place, key, text) of every text in plain data; a list's texts have its key."""
    if isinstance(data, dict):
        for name, value in data.items():
            yield from _texts(value, [*place, name], name)
    elif isinstance(data, list):
        for index, value in enumerate(data):
            yield from _texts(value, [*place, index], key)
    elif isinstance(data, str):
        yield place, key, data
