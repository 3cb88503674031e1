"""What may vary: the axes of a sweep, and the configurations they make."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Literal

import numpy as np
from pydantic import Discriminator, Field, GetJsonSchemaHandler, Tag, model_validator
from pydantic_core import CoreSchema

from sweeps.trial import Params, ParamValue
from sweeps.wire import Wire

# A condition: {lr_scheduler_type: cosine} or {lr_scheduler_type: [cosine, linear]}.
Condition = dict[str, ParamValue | list[ParamValue]]
MAX_CELLS = 100_000
# Whole numbers stay below what every store and JSON reader keeps exactly.
LARGEST = 2**53


class Choice(Wire):
    """A finite axis: `values: [...]`, or `value: x` for a constant."""

    values: list[ParamValue] = Field(min_length=1, max_length=10_000)
    when: Condition | None = None

    @model_validator(mode="before")
    @classmethod
    def _one_value(cls, data: Any) -> Any:
        if isinstance(data, dict) and "value" in data and "values" not in data:
            return {**{k: v for k, v in data.items() if k != "value"}, "values": [data["value"]]}
        return data

    @model_validator(mode="after")
    def _distinct(self) -> Choice:
        if not all(_countable(value) for value in self.values):
            raise ValueError("values must be finite numbers; take out nan, inf and the like")
        # 1 and 1.0 are one value, 1 and true are two.
        if len({(isinstance(v, bool), v) for v in self.values}) != len(self.values):
            raise ValueError("values holds the same value twice; keep one of the two")
        return self

    @classmethod
    def __get_pydantic_json_schema__(
        cls, core: CoreSchema, handler: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        """The schema of what is written: `value` alone is as good as `values`."""
        schema = handler.resolve_ref_schema(handler(core))
        one = schema["properties"]["values"]["items"]
        schema["properties"]["value"] = {**one, "description": "short for values with one item"}
        schema["required"] = []
        schema["oneOf"] = [{"required": ["values"]}, {"required": ["value"]}]
        return schema

    def draw(self, rng: np.random.Generator) -> ParamValue:
        """One of the values, each equally likely."""
        return self.values[int(rng.integers(len(self.values)))]


class Range(Wire):
    """A continuous or integer axis, under W&B's names.

    `uniform`: between min and max. `log_uniform_values`: the logarithm is uniform, min and max are
    values (not exponents). `int_uniform`: whole numbers, both ends included.
    """

    distribution: Literal["uniform", "log_uniform_values", "int_uniform"]
    min: float | int
    max: float | int
    when: Condition | None = None

    @model_validator(mode="after")
    def _bounds(self) -> Range:
        if not (_countable(self.min) and _countable(self.max)):
            raise ValueError("min and max must be finite numbers; write the ends out")
        if self.min >= self.max:
            raise ValueError(f"min {self.min} must be less than max {self.max}; swap them")
        if self.distribution == "log_uniform_values" and self.min <= 0:
            raise ValueError("log_uniform_values needs min > 0; use uniform to include 0")
        if self.distribution == "int_uniform" and not (
            float(self.min).is_integer() and float(self.max).is_integer()
        ):
            raise ValueError("int_uniform needs whole min and max; or use uniform")
        return self

    def draw(self, rng: np.random.Generator) -> ParamValue:
        """One value of the distribution."""
        if self.distribution == "int_uniform":
            return int(rng.integers(int(self.min), int(self.max), endpoint=True))
        if self.distribution == "uniform":
            return float(rng.uniform(self.min, self.max))
        drawn = math.exp(rng.uniform(math.log(self.min), math.log(self.max)))
        # exp(log(x)) may step over the ends by rounding.
        return min(max(drawn, float(self.min)), float(self.max))


def _countable(value: ParamValue) -> bool:
    """True for text, bools, and numbers that survive a float and a 64-bit column."""
    if isinstance(value, int):
        return abs(value) < LARGEST
    return isinstance(value, str) or math.isfinite(value)


def _kind(data: Any) -> str:
    if isinstance(data, dict):
        return "range" if {"distribution", "min", "max"} & set(data) else "choice"
    return "range" if isinstance(data, Range) else "choice"


Axis = Annotated[
    Annotated[Choice, Tag("choice")] | Annotated[Range, Tag("range")], Discriminator(_kind)
]


class Space(Wire):
    """The axes by name, rows that vary together (`paired`), and cells to leave out (`exclude`)."""

    axes: dict[str, Axis]
    paired: list[Params] = []
    exclude: list[Condition] = []

    @property
    def finite(self) -> bool:
        """True when every axis lists its values."""
        return all(isinstance(axis, Choice) for axis in self.axes.values())

    @property
    def names(self) -> list[str]:
        """Every parameter a configuration may hold, in the order written."""
        return [*self.axes, *(self.paired[0] if self.paired else ())]


def grid(space: Space) -> Iterator[Params]:
    """Every configuration of a finite space, the last axis fastest, excluded cells left out.

    A parameter whose `when` does not hold is absent; cells that become equal by that are given
    once.
    """
    names = list(space.axes)
    lists = [axis.values for axis in space.axes.values() if isinstance(axis, Choice)]
    rows: list[Params] = space.paired or [{}]
    seen: set[tuple[tuple[str, str], ...]] = set()
    for values, row in itertools.product(itertools.product(*lists), rows):
        cell = _settle(space, {**dict(zip(names, values, strict=True)), **row})
        key = tuple((name, repr(value)) for name, value in sorted(cell.items()))
        if key in seen or excluded(space, cell):
            continue
        seen.add(key)
        yield cell


def size(space: Space) -> int:
    """The number of raw combinations of a finite space, before `when` and `exclude`."""
    counts = [len(axis.values) for axis in space.axes.values() if isinstance(axis, Choice)]
    return math.prod(counts) * max(1, len(space.paired))


def draw(space: Space, rng: np.random.Generator, tries: int = 1000) -> Params | None:
    """A random configuration that is not excluded, or None when `tries` draws were all excluded."""
    for _ in range(tries):
        cell: Params = {name: axis.draw(rng) for name, axis in space.axes.items()}
        if space.paired:
            cell |= space.paired[int(rng.integers(len(space.paired)))]
        cell = _settle(space, cell)
        if not excluded(space, cell):
            return cell
    return None


def holds(condition: Mapping[str, ParamValue | list[ParamValue]], cell: Params) -> bool:
    """True when every name in the condition is in the cell with one of the values named."""
    return all(
        name in cell and cell[name] in (wanted if isinstance(wanted, list) else [wanted])
        for name, wanted in condition.items()
    )


def excluded(space: Space, cell: Params) -> bool:
    """True when some row of `exclude` holds in the cell."""
    return any(holds(row, cell) for row in space.exclude)


def _settle(space: Space, cell: Params) -> Params:
    """Take out parameters whose `when` does not hold, until nothing changes (they may chain)."""
    while True:
        kept = {
            name: value
            for name, value in cell.items()
            if not (axis := space.axes.get(name)) or axis.when is None or holds(axis.when, cell)
        }
        if len(kept) == len(cell):
            return kept
        cell = kept
