"""Records a sweep of the demo workload as curves: batch x rate x warmup x schedule, two targets.

    python -m benchmarks.record OUT

Every run is one of our own recipe `sft` on the demo's data and base model (`workers.demo`), through
the context that live trials have. OUT gets `runs.csv.gz` and `finals.csv`; a group is a target and
a seed. Finished runs are kept in `--work`: the command goes on where it was ended, and the same
code gives the same files.
"""

from __future__ import annotations

import argparse
import math
import sys
import tempfile
import time
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter

from benchmarks.output import RESULTS
from sweepctl.curves import FINAL, FINALS, RUN, RUNS, field, packed, plain
from sweeps.points import RunPlan, run_plan
from sweeps.spec import Data, Evaluation, Workload
from sweeps.trial import Params, Report
from sweeps.wire import Wire
from workers.checkpoints import CheckpointFolder
from workers.demo.files import is_made
from workers.recipes.context import Context, Order, Setting, Stopped
from workers.roots import DataRoots

NAME, SAMPLES, POINTS = "sft_tiny", 7_680, 20
SEEDS = (0, 1)
GRID: dict[str, Sequence[Any]] = {
    "global_batch_size": (16, 64, 256),
    "learning_rate": (3e-4, 1e-3, 3e-3, 1e-2),
    "warmup_steps": (0, 10),
    "lr_scheduler_type": ("constant", "cosine", "linear"),
}
# What is measured at every point, by the name of the target: both are losses, less is better.
TARGETS = {"skill": "eval_skill_loss", "retention": "eval_retention_loss"}
DATA = Data(
    train="data/train.jsonl",
    eval={"skill": "data/eval.jsonl", "retention": "data/retention.jsonl"},
)


@dataclass(frozen=True)
class Cell:
    """One run: configuration and seed."""

    params: Params
    seed: int

    @property
    def config(self) -> str:
        """The configuration's name in the files."""
        batch, rate, warmup, schedule = (self.params[name] for name in GRID)
        return f"b{batch}-lr{rate:g}-w{warmup}-{schedule}"

    @property
    def plan(self) -> RunPlan:
        """The length of the run."""
        return run_plan(self.params, SAMPLES, POINTS)


class Record(Wire):
    """A finished run as it is kept: what it ran, what it said, how long it took."""

    params: Params
    seed: int
    seconds: float
    reports: list[Report]


RECORD: TypeAdapter[Record] = TypeAdapter(Record)


def cells() -> list[Cell]:
    """All runs in the order of the files; one seed after the other."""
    rows = [dict(zip(GRID, values, strict=True)) for values in product(*GRID.values())]
    return [Cell(params, seed) for seed in SEEDS for params in rows]


def base() -> Cell:
    """A run that changes nothing: it measures the base model. In no group, only printed."""
    params = {name: values[-1] for name, values in GRID.items()}
    return Cell({**params, "learning_rate": 0.0, "warmup_steps": 0}, SEEDS[0])


def record(cell: Cell, folder: Path, cache: dict[str, Any]) -> Record:
    """Run one cell on the demo in `folder`. A run that a guard stops ends there, as a live one."""
    # Heavy: torch and transformers, which reading the records does not need.
    from workers.recipes.sft import run

    batch = cell.plan.global_batch_size
    setting = Setting(
        workload=Workload(model="base", data=DATA, max_length=48),
        evaluation=Evaluation(every_points=1, max_examples=100),
        params=cell.params,
        plan=cell.plan,
        roots=DataRoots((folder,)),
        seed=cell.seed,
        # Several in every batch, so that the noise of the gradient is measured.
        micro_batch_size=max(8, batch // 4),
        checkpoint_seconds=math.inf,
        keep_final=False,
        cache=cache,
    )
    link, started = _Keeper(), time.monotonic()
    with tempfile.TemporaryDirectory() as scratch, suppress(Stopped):
        run(Context(setting, link, _NoLog(), CheckpointFolder(Path(scratch))))
    return Record(
        params=cell.params,
        seed=cell.seed,
        seconds=time.monotonic() - started,
        reports=[_timeless(report) for report in link.reports],
    )


def write(out: Path, records: Iterable[Record]) -> tuple[int, int]:
    """Both files in DESIGN's format. Returns the rows of each."""
    runs: list[list[Any]] = []
    finals: list[list[Any]] = []
    kept = list(records)
    for target, metric in TARGETS.items():
        for one in kept:
            cell = Cell(one.params, one.seed)
            head = [f"{NAME}/{target}/seed{one.seed}", cell.config, one.seed]
            given = [one.params[name] for name in GRID]
            runs += [[*head, *_point(report, metric), *given] for report in one.reports]
            finals.append([*head, *_final(one.reports, metric), f"{NAME}/{target}"])
    out.mkdir(parents=True, exist_ok=True)
    packed(out / RUNS, [[*RUN, *GRID], *runs])
    plain(out / FINALS, [FINAL, *finals])
    return len(runs), len(finals)


def main(arguments: Sequence[str] | None = None) -> int:
    """Record what is missing, then write the files; exit code 1 while runs are missing."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("out", type=Path, metavar="OUT")
    parser.add_argument("--work", type=Path, default=RESULTS / NAME, help="kept runs and demo")
    parser.add_argument("--part", default="1/1", help="K/N: every N-th run from the K-th on")
    given = parser.parse_args(arguments)
    files = {_file(given.work, cell): cell for cell in [*cells(), base()]}
    number, parts = map(int, given.part.split("/"))
    mine = list(files.items())[number - 1 :: parts]
    _record_all(given.work, [(file, cell) for file, cell in mine if not file.exists()])
    found = [RECORD.validate_json(file.read_bytes()) for file in files if file.exists()]
    if len(found) < len(files):
        print(f"{len(found)} of {len(files)} runs are recorded; not written yet", file=sys.stderr)
        return 1
    points, trials = write(given.out, found[:-1])
    seconds = sum(one.seconds for one in found)
    print(f"{points} points of {trials} trials in {given.out}; {seconds:.0f} s of training")
    untrained = found[-1].reports[-1].metrics
    values = (f"{target} {untrained[metric]:.4g}" for target, metric in TARGETS.items())
    print(f"the base model: {', '.join(values)}")
    return 0


def _record_all(work: Path, missing: Sequence[tuple[Path, Cell]]) -> None:
    if not missing:
        return
    # Heavy, as above.
    import torch

    from workers.demo.pretrain import make

    torch.set_num_threads(1)  # more would add up in another order, and the model gains nothing
    demo, cache = work / "demo", dict[str, Any]()
    if not is_made(demo):
        print("training the demo's base model", file=sys.stderr)
        make(demo)
    for count, (file, cell) in enumerate(missing, 1):
        found = record(cell, demo, cache)
        file.parent.mkdir(parents=True, exist_ok=True)
        beside = file.with_suffix(".part")
        beside.write_text(found.model_dump_json())
        beside.replace(file)
        said = f"{count}/{len(missing)} {cell.config} seed {cell.seed}: {found.seconds:.1f} s"
        print(said, file=sys.stderr, flush=True)


def _file(work: Path, cell: Cell) -> Path:
    return work / f"runs-{SAMPLES}-{POINTS}" / f"{cell.config}-seed{cell.seed}.json"


def _timeless(report: Report) -> Report:
    """Without what the clock said, so that the same run leaves the same file."""
    return report.model_copy(
        update={"window": report.window.model_copy(update={"tokens_per_second": None})}
    )


def _point(report: Report, metric: str) -> list[Any]:
    window = report.window
    values = [
        window.loss.value if window.loss else None,
        window.grad_norm.value if window.grad_norm else None,
        report.metrics.get(metric),
        window.true_grad_norm,
        window.noise_scale,
    ]
    return [report.samples, *(_short(value) for value in values)]


def _final(reports: Sequence[Report], metric: str) -> list[Any]:
    """The metric at the horizon. A run that a guard stopped has NaN: it diverged."""
    last = reports[-1]
    value = last.metrics.get(metric, math.nan) if last.point == POINTS else math.nan
    return [_short(value), False, False, SAMPLES, True]


def _short(value: float | None) -> Any:
    """Seven digits: what float32 holds."""
    return field(value if value is None else float(f"{value:.7g}"))


class _Keeper:
    """A link to nobody that keeps what is said; a guard's word ends the run."""

    def __init__(self) -> None:
        self.reports: list[Report] = []

    def report(self, report: Report) -> Order:
        self.reports.append(report)
        return Order.GO_ON if report.guard is None else Order.STOP

    def pulse(self, samples_seen: int) -> Order:
        return Order.GO_ON


class _NoLog:
    def append(self, step: int, metrics: Mapping[str, float]) -> None:
        """The decision points are enough."""


if __name__ == "__main__":
    sys.exit(main())
