"""The rows of a folder by run: whose they are, and what stays the same along one."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from sweeps.simulator.cell_values import as_param
from sweeps.simulator.tables import Floats, Ints, Table
from sweeps.trial import ParamValue

# What x may be, the first that is there counts.
AXES = {"samples_seen": "samples", "step": "step", "epoch": "epoch"}
_SIGNALS = (
    *("train_loss", "grad_norm", "eval_metric", "lr_now"),
    *("true_grad_norm", "noise_scale"),
)
_KEYS = ("group", "config_id", "seed")
Key = tuple[str, str, int | None]


@dataclass(frozen=True)
class FoundRun:
    """A run: its key, its line of finals.csv, and its rows, ascending along the axis."""

    key: Key
    line: dict[str, Any]
    where: Ints


class RunRows:
    """The table of runs, sorted once."""

    def __init__(self, table: Table, axis: str) -> None:
        self.axis, self.x = axis, table.numbers(axis)
        self.steps = table.numbers("step")
        self.signals = {name: table.numbers(name) for name in _SIGNALS}
        self._group, self._groups = table.codes("group")
        self._config, self._configs = table.codes("config_id")
        self._seed = table.numbers("seed")
        order = np.lexsort((self.x.values, self._seed.values, self._config, self._group))
        self._order = order[self.x.there[order]]
        self.settings = {
            name: self._column(table, name)
            for name in table.columns
            if name not in (*_KEYS, *AXES, *_SIGNALS) and self._constant(table, name)
        }
        if "learning_rate" in table.columns and "learning_rate" not in self.settings:
            # It changes along the runs: then it is the schedule, not the setting.
            self.signals["lr_now"] = table.numbers("learning_rate")

    def runs(self) -> Iterator[tuple[Key, Ints]]:
        """Every run with its rows; those of equal x stay in the order of the file."""
        for where in np.split(self._order, self._edges()):
            if where.size:
                first = int(where[0])
                seed = self._seed.at(first)
                key = (
                    self._groups[self._group[first]],
                    self._configs[self._config[first]],
                    None if seed is None or math.isnan(seed) else int(seed),
                )
                yield key, where

    def _edges(self) -> Ints:
        """Where a new run begins in the sorted order."""
        o = self._order
        seeds = np.where(self._seed.there, self._seed.values, -1.0)[o]
        changed = (
            (np.diff(self._group[o]) != 0) | (np.diff(self._config[o]) != 0) | (np.diff(seeds) != 0)
        )
        return np.flatnonzero(changed) + 1

    def _constant(self, table: Table, name: str) -> bool:
        """A setting has one value all along every run; a signal has not."""
        values, there = self._codes(table, name)
        o = self._order
        inside = np.ones(max(o.size - 1, 0), dtype=bool)
        inside[self._edges() - 1] = False
        return bool(there[o].all()) and not np.any((np.diff(values[o]) != 0) & inside)

    def _column(self, table: Table, name: str) -> list[ParamValue | None]:
        return [as_param(value) for value in table.data[name].to_pylist()]

    def _codes(self, table: Table, name: str) -> tuple[Floats, Any]:
        numbers = table.numbers(name)
        if numbers.there.any():
            return numbers.values, numbers.there & ~np.isnan(numbers.values)
        codes, _ = table.codes(name)
        return codes.astype(np.float64), codes >= 0


def lines_by_run(finals: Table, seeded: bool) -> dict[Key, dict[str, Any]]:
    """The lines of finals.csv by run; of several for one run the first counts. Where the runs have
    no seeds (`seeded`), neither have the lines."""
    groups, group_names = finals.codes("group")
    configs, config_names = finals.codes("config_id")
    seeds = finals.numbers("seed")
    found: dict[Key, dict[str, Any]] = {}
    for index, line in enumerate(finals.records()):
        if str(line.get("valid", True)).lower() in ("false", "0") or groups[index] < 0:
            continue
        seed = seeds.at(index)
        named = None if not seeded or seed is None or math.isnan(seed) else int(seed)
        key = (group_names[groups[index]], config_names[configs[index]], named)
        found.setdefault(key, line)
    return found
