"""From the two tables of a folder to its groups: who ran, on what axis, with what settings."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from sweeps.simulator.recorded import Group, Run, whole
from sweeps.simulator.tables import CurvesError, Floats, Ints, Numbers, Table, read_tables
from sweeps.trial import Params, ParamValue

# What x may be, the first that is there counts.
AXES = {"samples_seen": "samples", "step": "step", "epoch": "epoch"}
_SIGNALS = (
    *("train_loss", "grad_norm", "eval_metric", "lr_now"),
    *("true_grad_norm", "noise_scale"),
)
_KEYS = ("group", "config_id", "seed")
# Columns of finals.csv that are settings; all others are outcomes or notes.
_SETTINGS = (
    "learning_rate",
    "batch_size",
    "global_batch_size",
    "warmup",
    "warmup_steps",
    "warmup_ratio",
    "lr_scheduler_type",
    "schedule",
    "weight_decay",
    "optimizer",
)
_BLOCKS = ("hparams", "hyperparams")
_LARGEST = 2**53

Key = tuple[str, str, int | None]


def read_groups(folder: Path, min_trials: int = 1) -> list[Group]:
    """The groups of a folder with at least `min_trials` runs, in the order of their names.

    A run takes part when it has rows, a line in finals.csv and is not `valid: False`. Raises
    CurvesError for a folder that is not of this format.
    """
    runs, finals = read_tables(folder)
    axis = next((name for name in AXES if runs.numbers(name).there.any()), None)
    if axis is None:
        raise CurvesError(f"{folder / runs.name} has no column {', '.join(AXES)}.")
    rows = _Rows(runs, axis)
    by_group: dict[str, list[_Found]] = {}
    lines = _lines(finals, seeded="seed" in runs.columns)
    for key, where in rows.runs():
        # A file of finals without seeds speaks of all runs of a configuration.
        line = lines.get(key) or lines.get((key[0], key[1], None))
        if line is not None:
            by_group.setdefault(key[0], []).append(_Found(key, line, where))
    made = (_group(name, found, rows) for name, found in sorted(by_group.items()))
    return [group for group in made if len(group.runs) >= min_trials]


@dataclass(frozen=True)
class _Found:
    """A run: its key, its line of finals.csv, and its rows, ascending along the axis."""

    key: Key
    line: dict[str, Any]
    where: Ints


class _Rows:
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
        return [_setting(value) for value in table.data[name].to_pylist()]

    def _codes(self, table: Table, name: str) -> tuple[Floats, Any]:
        numbers = table.numbers(name)
        if numbers.there.any():
            return numbers.values, numbers.there & ~np.isnan(numbers.values)
        codes, _ = table.codes(name)
        return codes.astype(np.float64), codes >= 0


def _lines(finals: Table, seeded: bool) -> dict[Key, dict[str, Any]]:
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


def _group(name: str, found: list[_Found], rows: _Rows) -> Group:
    first = found[0].line
    higher = _true(first["higher_is_better"])
    along = first.get("eval_higher_is_better")
    x, factor = whole(rows.x.values[np.concatenate([one.where for one in found])])
    horizon = _horizon(found, rows, factor) or int(x.max())
    common = _common([_params(one, rows) for one in found])
    return Group(
        name=name,
        workload=str(first.get("workload") or name),
        axis=AXES[rows.axis],
        horizon=max(horizon, 1),
        higher_is_better=higher,
        eval_higher_is_better=higher if along is None else _true(along),
        runs=tuple(
            _run(one, params, rows, factor) for one, params in zip(found, common, strict=True)
        ),
        problem=str(first.get("workload") or first.get("problem") or name.partition("/")[0]),
    )


def _horizon(found: list[_Found], rows: _Rows, factor: int) -> int | None:
    """The longest horizon that the finals name, in units of x; None when they name none."""
    named = [one.line.get("horizon_samples") for one in found]
    horizons = [_positive(value) for value in named] if rows.axis == "samples_seen" else []
    if not any(horizons):
        horizons = [_hint(one, rows) for one in found]
    known = [value for value in horizons if value is not None]
    return round(max(known) * factor) if known else None


def _hint(one: _Found, rows: _Rows) -> float | None:
    """`step_hint` in units of x: steps as they are, samples by the batch that the rows show."""
    steps = _positive(one.line.get("step_hint"))
    if steps is None or rows.axis == "step":
        return steps
    if rows.axis == "epoch":
        return None
    walked, seen = rows.steps.values[one.where], rows.x.values[one.where]
    moved = rows.steps.there[one.where] & (walked > 0)
    if not moved.any():
        batch = _positive(one.line.get("batch_size"))
        return None if batch is None else steps * batch
    return steps * float(seen[moved][-1] / walked[moved][-1])


def _run(one: _Found, params: Params, rows: _Rows, factor: int) -> Run:
    x = np.round(rows.x.values[one.where] * factor).astype(np.int64)
    cut = {
        name: Numbers(column.values[one.where], column.there[one.where])
        for name, column in rows.signals.items()
    }
    return Run(
        params=_planned(params, rows.axis),
        final=_number(one.line["final_metric"]),
        x=x,
        loss=cut["train_loss"],
        grad_norm=cut["grad_norm"],
        metric=cut["eval_metric"],
        rate=cut["lr_now"],
    )


def _params(one: _Found, rows: _Rows) -> Params:
    """The settings of a run, from both files."""
    values: dict[str, Any] = {name: one.line.get(name) for name in _SETTINGS}
    for block in _BLOCKS:
        inner = one.line.get(block)
        read = json.loads(inner) if isinstance(inner, str) and inner.startswith("{") else {}
        values |= {name: value for name, value in read.items() if values.get(name) is None}
    values |= {name: column[int(one.where[0])] for name, column in rows.settings.items()}
    settings = {name: _setting(value) for name, value in values.items()}
    params: Params = {"config_id": one.key[1]}
    if one.key[2] is not None:
        params["seed"] = one.key[2]
    return params | {name: v for name, v in settings.items() if v is not None and name != "seed"}


def _common(cells: list[Params]) -> list[Params]:
    """Rows of one sweep name the same parameters: those that not all of them have are left out."""
    shared = set.intersection(*(set(cell) for cell in cells))
    return [{name: value for name, value in cell.items() if name in shared} for cell in cells]


def _planned(params: Params, axis: str) -> Params:
    """Under the names that a run's plan reads, where the axis can be planned with.

    `batch_size` is the global batch when x counts samples. Warmup in steps is one in x then, or
    when x counts steps; along epochs it cannot be placed. A `warmup` below 1 is a share of the run.
    """
    found = dict(params)
    if axis == "samples_seen" and "global_batch_size" not in found:
        batch = found.get("batch_size")
        if isinstance(batch, int) and batch >= 1:
            found["global_batch_size"] = found.pop("batch_size")
    if axis != "samples_seen":
        found.pop("global_batch_size", None)
    share = found.get("warmup")
    if isinstance(share, float) and 0 <= share < 1 and "warmup_steps" not in found:
        found.setdefault("warmup_ratio", share)
    if "global_batch_size" not in found and axis != "step":
        found.pop("warmup_steps", None)
    if "warmup_steps" in found:
        found.pop("warmup_ratio", None)
    return found


def _setting(value: Any) -> ParamValue | None:
    """What a parameter can be: a word, a truth, a finite number. None for all else."""
    if isinstance(value, str):
        return value if 0 < len(value) <= 500 else None
    if isinstance(value, (bool, int)):
        return value if abs(value) < _LARGEST else None
    return value if isinstance(value, float) and math.isfinite(value) else None


def _positive(value: Any) -> float | None:
    number = _number(value)
    return number if number is not None and math.isfinite(number) and number > 0 else None


def _number(value: Any) -> float | None:
    return float(value) if isinstance(value, (int, float)) else None


def _true(value: Any) -> bool:
    return str(value).lower() in ("true", "1", "1.0")
