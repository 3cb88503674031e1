"""Relative paths in a spec: absolute when the service is on this machine, else an error."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from sweepctl.exits import FileError
from sweepctl.settings import Target
from sweepctl.specfile import SpecFile
from sweeps.errors import Fault

_MUST_BE_HERE = ("./", "../", "~/")


def present(spec: SpecFile) -> None:
    """Raises FileError for each path of a checked spec that must be here and is not."""
    faults = [
        Fault(place, name, f"there is no {_local(spec, name)}", "Mend the path, or make the file.")
        for holder, key, place in _places(spec.data["spec"]["workload"])
        if (name := holder[key]).startswith(_MUST_BE_HERE) and not _local(spec, name).exists()
    ]
    if faults:
        raise FileError(spec.name, faults, spec.lines)


def localize(spec: SpecFile, target: Target, say: Callable[[str], None]) -> None:
    """Rewrite the paths of a checked spec in place.

    A name that exists under the spec's folder is a path; `org/name` that does not stays a hub id;
    any other name is left to the pool's data roots, and `say` tells so. Raises FileError as
    `present` does, and for any local path when the service is elsewhere.
    """
    present(spec)
    faults: list[Fault] = []
    for holder, key, pointer in _places(spec.data["spec"]["workload"]):
        name = holder[key]
        path = Path(name).expanduser()
        local = _local(spec, name)
        if path.is_absolute() and not name.startswith("~"):
            continue
        if not local.exists():
            if not _is_hub_id(name):
                say(f"note: {pointer}: no {name} in {spec.folder}; the pool's data roots decide")
        elif target.loopback:
            holder[key] = str(local)
        else:
            faults.append(_elsewhere(pointer, name, local, target))
    if faults:
        raise FileError(spec.name, faults, spec.lines)


def _elsewhere(pointer: str, name: str, local: Path, target: Target) -> Fault:
    return Fault(
        pointer,
        name,
        f"a path on this machine, and the service is at {target.server}",
        f"Copy it under a data root of the pool (e.g. rsync -a {local} HOST:/DATA_ROOT/) and write "
        "its absolute path there.",
    )


def _local(spec: SpecFile, name: str) -> Path:
    return (spec.folder / Path(name).expanduser()).resolve()


def _is_hub_id(name: str) -> bool:
    owner, slash, rest = name.partition("/")
    suffixes = (".jsonl", ".json", ".csv", ".parquet", ".txt", ".gz", ".zst")
    return bool(owner and slash and rest) and "/" not in rest and not name.endswith(suffixes)


def _places(workload: Any) -> Iterator[tuple[dict[str, Any], str, str]]:
    """(mapping, key, pointer) of every text that may name a local file."""
    base = "/spec/workload"
    model, data = workload.get("model"), workload.get("data")
    strategy = workload.get("strategy")
    if isinstance(model, str):
        yield workload, "model", f"{base}/model"
    elif isinstance(model, dict) and isinstance(model.get("tokenizer"), str):
        yield model, "tokenizer", f"{base}/model/tokenizer"
    if isinstance(data, dict):
        yield data, "train", f"{base}/data/train"
        for use in ("eval", "unseen"):
            if isinstance(data.get(use), str):
                yield data, use, f"{base}/data/{use}"
            for name in data[use] if isinstance(data.get(use), dict) else ():
                yield data[use], name, f"{base}/data/{use}/{name}"
    if isinstance(strategy, dict):
        for index, phase in enumerate(strategy["phased"]):
            yield phase, "data", f"{base}/strategy/phased/{index}/data"
