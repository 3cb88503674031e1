"""The files of a folder of recorded curves, as plain columns. The only reader in this room."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
import pyarrow.parquet
from numpy.typing import NDArray

from sweeps.errors import SweepError

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

RUNS = ("runs.parquet", "runs.csv.gz", "runs.csv")
FINALS = "finals.csv"


class CurvesError(SweepError):
    """A folder of recorded curves that cannot be read. The message names file and mend."""


@dataclass(frozen=True)
class Numbers:
    """A column of numbers. Where `there` is False nothing was recorded, which is not NaN."""

    values: Floats
    there: NDArray[np.bool_]

    def at(self, index: int) -> float | None:
        """One cell."""
        return float(self.values[index]) if self.there[index] else None

    def cells(self) -> list[float | None]:
        """All of them."""
        pairs = zip(self.values.tolist(), self.there.tolist(), strict=True)
        return [value if there else None for value, there in pairs]


@dataclass(frozen=True)
class Table:
    """Rows of one file by column name."""

    name: str
    data: Any  # pyarrow.Table, which has no types

    @property
    def rows(self) -> int:
        """How many there are."""
        return int(self.data.num_rows)

    @property
    def columns(self) -> list[str]:
        """Their names, in the order of the file."""
        return list(self.data.column_names)

    def numbers(self, name: str) -> Numbers:
        """A column as numbers; one that is absent, or holds none, has nothing in it."""
        if name not in self.columns:
            return Numbers(np.full(self.rows, np.nan), np.zeros(self.rows, dtype=bool))
        column = self.data[name].combine_chunks()
        if pa.types.is_dictionary(column.type):
            column = column.dictionary_decode()
        try:
            column = pc.cast(column, pa.float64())
        except pa.ArrowInvalid:
            return Numbers(np.full(self.rows, np.nan), np.zeros(self.rows, dtype=bool))
        there = np.asarray(column.is_valid())
        return Numbers(np.asarray(column.fill_null(np.nan), dtype=np.float64), there)

    def codes(self, name: str) -> tuple[Ints, list[str]]:
        """A column of words as codes into a list of them; -1 where nothing stands."""
        if name not in self.columns:
            return np.full(self.rows, -1, dtype=np.int64), []
        column = self.data[name].combine_chunks()
        if not pa.types.is_dictionary(column.type):
            column = column.dictionary_encode()
        codes = np.asarray(column.indices.fill_null(-1), dtype=np.int64)
        return codes, [_text(word) for word in column.dictionary.to_pylist()]

    def records(self) -> list[dict[str, Any]]:
        """Every row as a dict: for small files."""
        return list(self.data.to_pylist())


def read_tables(folder: Path) -> tuple[Table, Table]:
    """The runs and the finals of a folder. Raises CurvesError."""
    found = [folder / name for name in RUNS if (folder / name).is_file()]
    if not found:
        raise CurvesError(f"{folder} has no {RUNS[0]} and no {RUNS[1]}: name a folder of curves.")
    if not (folder / FINALS).is_file():
        raise CurvesError(f"{folder} has no {FINALS}, so nobody knows which runs were good.")
    runs, finals = _read(found[0]), _read(folder / FINALS)
    for table, needed in ((runs, ("group", "config_id")), (finals, _OF_FINALS)):
        missing = [name for name in needed if name not in table.columns]
        if missing:
            raise CurvesError(f"{folder / table.name} lacks the column {', '.join(missing)}.")
    return runs, finals


_OF_FINALS = ("group", "config_id", "final_metric", "higher_is_better")


def _read(path: Path) -> Table:
    try:
        if path.suffix == ".parquet":
            return Table(path.name, pyarrow.parquet.read_table(path))
        # Only an empty cell is absent: "nan" was measured.
        options = pyarrow.csv.ConvertOptions(null_values=[""], strings_can_be_null=True)
        return Table(path.name, pyarrow.csv.read_csv(path, convert_options=options))
    except (pa.ArrowException, OSError) as error:
        raise CurvesError(f"{path} cannot be read: {error}") from error


def _text(word: Any) -> str:
    """1 and 1.0 are one name, whatever type a file gave it."""
    return str(int(word)) if isinstance(word, float) and word.is_integer() else str(word)
