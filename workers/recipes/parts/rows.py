"""Rows of a data source: a JSONL file under the data roots, or a data set of the hub. No torch."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import datasets

from sweeps.errors import Fault, SpecError
from sweeps.faults import shorten
from sweeps.phases import AT, phases_of
from sweeps.spec import Data, Workload
from workers.roots import DataRoots

Row = dict[str, Any]
# A hub data set has splits where files have names: the first of these that is there is read.
_SPLITS = {"train": ("train",), "eval": ("validation", "test"), "unseen": ("test",)}
Use = Literal["train", "eval", "unseen"]


@dataclass(frozen=True)
class Source:
    """One place that examples come from.

    `pointer` is where the spec names it, `path` the real file (None: `name` is a hub id),
    `label` is "" or the held-out set's name in metrics ("retention" -> eval_retention_loss).
    """

    name: str
    pointer: str
    path: Path | None
    use: Use
    label: str = ""

    def digest(self) -> str:
        """SHA-256 of the file's bytes, or the hub data set's fingerprint."""
        if self.path is None:
            return str(_hub(self)._fingerprint)
        with self.path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()

    def read(self) -> Sequence[tuple[int, Row]]:
        """(line number from 1, row) of every row. Raises SpecError for bad or no rows."""
        rows = _lines(self, self.path) if self.path else list(enumerate(_hub(self), 1))
        if not rows:
            raise self.error("there is no example in it", "Put at least one row in.")
        return rows

    def error(self, message: str, mend: str, line: int | None = None) -> SpecError:
        """A SpecError that names this source and the line."""
        where = self.name if line is None else f"{self.name}, line {line}"
        return SpecError([Fault(self.pointer, shorten(where), message, mend)])


def train_sources(workload: Workload, roots: DataRoots) -> list[Source]:
    """Where the training examples come from: one source, or one for each phase, in their order.
    Raises SpecError for what is not there."""
    phases = phases_of(workload)
    if not phases:
        return [train_source(workload.data or Data(), roots)]
    return [
        _source(phase.data, f"{AT}/{index}/data", roots, "train")
        for index, phase in enumerate(phases)
    ]


def train_source(data: Data, roots: DataRoots) -> Source:
    """Where the training examples of a run without phases come from. Raises SpecError when it is
    not there."""
    pointer = "/spec/workload/data/train"
    if data.train is None:
        mend = "Write train: data/train.jsonl, or phases that name their data."
        raise SpecError([Fault(pointer, "nothing", "there is nothing to train on", mend)])
    return _source(data.train, pointer, roots, "train")


def eval_sources(data: Data, roots: DataRoots) -> list[Source]:
    """Where held-out examples come from, in the order written; empty when none are named."""
    return _sources(data.eval, "eval", roots)


def unseen_sources(data: Data, roots: DataRoots) -> list[Source]:
    """The same of the sets that are kept for the end."""
    return _sources(data.unseen, "unseen", roots)


def _sources(sets: str | dict[str, str] | None, use: Use, roots: DataRoots) -> list[Source]:
    pointer = f"/spec/workload/data/{use}"
    if sets is None:
        return []
    if isinstance(sets, str):
        return [_source(sets, pointer, roots, use)]
    return [_source(name, f"{pointer}/{label}", roots, use, label) for label, name in sets.items()]


def _source(
    name: str,
    pointer: str,
    roots: DataRoots,
    use: Use,
    label: str = "",
) -> Source:
    source = Source(name, pointer, roots.find(name, pointer), use, label)
    if source.path is not None and not source.path.is_file():
        raise source.error("this is a folder", "Name one JSONL file in it.")
    return source


def _lines(source: Source, path: Path) -> list[tuple[int, Row]]:
    # Read line by line, not by pyarrow's JSON reader: that one turns text which looks like a date
    # into a timestamp, and cannot say which line is bad.
    rows = []
    with path.open("rb") as file:
        for number, line in enumerate(file, 1):
            text = line.removeprefix(b"\xef\xbb\xbf").strip()
            if text:
                rows.append((number, _row(source, number, text)))
    return rows


def _row(source: Source, number: int, text: bytes) -> Row:
    try:
        row = json.loads(text)
    except (ValueError, RecursionError) as error:
        mend = f"Write one JSON object a line ({error})."
        raise source.error("this line is not JSON", mend, number) from error
    if not isinstance(row, dict):
        mend = 'Write one object a line, like {"prompt": "...", "completion": "..."}.'
        raise source.error("this line is not a JSON object", mend, number)
    return row


def _hub(source: Source) -> Any:
    """The data set of the hub, from the local cache when it is there. Never runs its code."""
    wanted = _SPLITS[source.use]
    try:
        splits = datasets.load_dataset(source.name)
    except (OSError, ValueError) as error:
        mend = "Check the id and the network, or name a JSONL file under the data roots."
        raise source.error(f"the hub data set cannot be loaded: {error}", mend) from error
    for split in wanted:
        if split in splits:
            return splits[split]
    mend = "Save the rows you want as JSONL under the data roots."
    raise source.error(f"it has no split {' or '.join(wanted)}, only {list(splits)}", mend)
