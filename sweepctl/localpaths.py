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


def localize(spec: SpecFile, target: Target, say: Callable[[str], None]) -> None:
    """Rewrite the paths of a checked spec in place.

    A name that exists under the spec's folder is a path; `org/name` that does not stays a hub id;
    any other name is left to the pool's data roots, and `say` tells so. Raises FileError for a
    path that must be here and is not, and for any local path when the service is elsewhere.
    """
    faults: list[Fault] = []
    for holder, key, pointer in _places(spec.data["spec"]["workload"]):
        name = holder[key]
        path = Path(name).expanduser()
        local = (spec.folder / path).resolve()
        if path.is_absolute() and not name.startswith("~"):
            continue
        if not local.exists():
            if name.startswith(_MUST_BE_HERE):
                faults.append(
                    Fault(pointer, name, f"there is no {local}", "Mend the path, or make the file.")
                )
            elif not _is_hub_id(name):
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
        if isinstance(data.get("eval"), str):
            yield data, "eval", f"{base}/data/eval"
        for name in data["eval"] if isinstance(data.get("eval"), dict) else ():
            yield data["eval"], name, f"{base}/data/eval/{name}"
    if isinstance(strategy, dict):
        for index, phase in enumerate(strategy["phased"]):
            yield phase, "data", f"{base}/strategy/phased/{index}/data"
