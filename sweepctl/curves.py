"""Sweeps as recorded curves: `runs.csv.gz`, a row a decision point, and `finals.csv`, a row a
trial. The simulator, the backtest and the benchmarks read this format.

NaN and infinities are written as NaN, inf, -inf; what was not measured is an empty field. The same
sweeps give the same bytes.
"""

from __future__ import annotations

import csv
import gzip
import io
import json
import math
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from service.schemas import SweepDetail, SweepReport, Trial
from sweepctl.text import short
from sweeps.lifecycle import TrialState
from sweeps.metric import value_at

RUNS, FINALS = "runs.csv.gz", "finals.csv"
RUN = [
    *("group", "config_id", "seed", "samples_seen", "train_loss", "grad_norm", "eval_metric"),
    *("true_grad_norm", "noise_scale"),
]
FINAL = [
    *("group", "config_id", "seed", "final_metric", "higher_is_better", "eval_higher_is_better"),
    *("horizon_samples", "valid", "workload"),
]


@dataclass(frozen=True)
class Recorded:
    """A sweep with its search trials; `reports` are asked for when they are written."""

    sweep: SweepDetail
    trials: Sequence[Trial]
    reports: Iterable[SweepReport]


@dataclass(frozen=True)
class Written:
    """What was written: rows of each file."""

    points: int
    trials: int


def write(folder: Path, recorded: Sequence[Recorded]) -> Written:
    """Write both files, each whole or not at all. Raises OSError."""
    folder.mkdir(parents=True, exist_ok=True)
    names = list(dict.fromkeys(n for one in recorded for t in one.trials for n in t.params))
    last: dict[str, SweepReport] = {}
    points = 0

    def runs() -> Iterator[list[Any]]:
        nonlocal points
        yield [*RUN, *(_column(name) for name in names)]
        for one in recorded:
            known = {trial.id: trial for trial in one.trials}
            for line in one.reports:
                # A trial that was asked after the trials were listed has no final here.
                if line.trial_id in known:
                    last[line.trial_id] = line
                    points += 1
                    yield _run(one.sweep, known[line.trial_id], line, names)

    packed(folder / RUNS, runs())
    finals = [
        _final(one.sweep, trial, last.get(trial.id)) for one in recorded for trial in one.trials
    ]
    plain(folder / FINALS, [FINAL, *finals])
    return Written(points, len(finals))


def group(sweep: SweepDetail) -> str:
    """What a sweep is called in the files: a group is one sweep."""
    return f"{sweep.name}-{short(sweep.id)}"


def _run(sweep: SweepDetail, trial: Trial, line: SweepReport, names: Sequence[str]) -> list[Any]:
    report, window = line.report, line.report.window
    signals = [
        window.loss.value if window.loss else None,
        window.grad_norm.value if window.grad_norm else None,
        value_at(report, sweep.metric.name),
        window.true_grad_norm,
        window.noise_scale,
    ]
    given = [trial.params.get(name) for name in names]
    head = [group(sweep), trial.number, trial.seed, report.samples]
    return [*head, *(field(value) for value in [*signals, *given])]


def _final(sweep: SweepDetail, trial: Trial, last: SweepReport | None) -> list[Any]:
    """A trial that was stopped has no final: the field is empty, and the row is not valid, since a
    reader takes a run that ends early for a whole one. One that diverged has NaN, and is valid."""
    body = sweep.spec["spec"]
    whole = last is not None and last.report.point == body["report"]["points"]
    done = trial.state is TrialState.DONE and whole
    value = value_at(last.report, sweep.metric.name) if done and last else None
    higher = sweep.metric.goal == "maximize"
    return [
        *(group(sweep), trial.number, trial.seed, field(value), higher, higher),
        field(body["horizon"].get("samples")),
        value is not None,
        _workload(body["workload"]),
    ]


def _workload(workload: dict[str, Any]) -> str:
    """Recipe, model and data: what makes two sweeps' curves those of one task."""
    model, data = workload.get("model"), workload.get("data")
    train = data.get("train") if isinstance(data, dict) else None
    parts = [workload.get("recipe"), model, train]
    return "|".join(
        part if isinstance(part, str) else json.dumps(part, sort_keys=True, separators=(",", ":"))
        for part in parts
        if part is not None
    )


def _column(name: str) -> str:
    """A parameter's column; one that is called as a column of the format is set apart."""
    return f"parameter.{name}" if name in RUN else name


def field(value: Any) -> Any:
    """A value as it is written: nothing for None, NaN in the spelling of the format."""
    if value is None:
        return ""
    if isinstance(value, float):
        return "NaN" if math.isnan(value) else repr(value)
    return value


def packed(file: Path, rows: Iterable[Sequence[Any]]) -> None:
    """Write rows as gzipped CSV, whole or not at all. Raises OSError."""
    with (
        _fresh(file) as raw,
        # No time and no name inside: the same rows give the same bytes.
        gzip.GzipFile(filename="", fileobj=raw, mode="wb", mtime=0) as packed,
        io.TextIOWrapper(packed, encoding="utf-8", newline="") as stream,
    ):
        csv.writer(stream, lineterminator="\n").writerows(rows)


def plain(file: Path, rows: Iterable[Sequence[Any]]) -> None:
    """Write rows as CSV, whole or not at all. Raises OSError."""
    with _fresh(file) as raw, io.TextIOWrapper(raw, encoding="utf-8", newline="") as stream:
        csv.writer(stream, lineterminator="\n").writerows(rows)


@contextmanager
def _fresh(file: Path) -> Iterator[IO[bytes]]:
    """A new file in place of `file` once the block ends well; nothing of it stays otherwise."""
    beside = file.with_name(f".{file.name}.part")
    try:
        with beside.open("wb") as stream:
            yield stream
        beside.replace(file)
    finally:
        beside.unlink(missing_ok=True)
