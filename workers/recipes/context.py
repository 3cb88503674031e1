"""What a recipe sees of the world. No Ray and no MLflow: a recipe can be run from a test.

A recipe calls `register_state` once and `step` after every optimizer step; everything else
(windows, decision points, guards, checkpoints, metrics) happens in here.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from functools import partial
from pathlib import Path
from typing import Any, Protocol

from sweeps.points import RunPlan
from sweeps.pruners.guards import step_guard
from sweeps.reporting import due
from sweeps.spec import Evaluation, Workload
from sweeps.trial import NOTHING_SEEN, BatchCut, Params, Report, StepRecord, Window
from sweeps.windows import make_window
from workers.checkpoints import CheckpointFolder, step_of
from workers.recipes.footprint import Meter
from workers.recipes.shared import NOTHING_SHARED, SharedPhases
from workers.recipes.world import ALONE, World
from workers.roots import DataRoots

# Where nobody named a micro-batch and none was found by trying.
MICRO_BATCH_SIZE = 8


class Order(StrEnum):
    """What the driver tells a running trial."""

    GO_ON = "go_on"
    PAUSE = "pause"
    STOP = "stop"
    # Pause, and say the report again when you go on: nobody heard it.
    LEAVE = "leave"
    # Save, and go on. The context's own, when its last checkpoint is old.
    SAVE = "save"


class Stopped(BaseException):
    """Raised in `step` when the trial is over for good. Not an Exception: recipes let it pass."""


class TryAgainError(Exception):
    """Raised by a recipe that cannot go on here but could in a new attempt, from its checkpoint: to
    the trial that is a worker lost, not a mistake made."""


class Paused(Stopped):
    """Raised in `step` after the state was saved; a later attempt goes on from there."""


@dataclass(frozen=True)
class Part:
    """One micro-batch of a step: its samples, the global L2 norm of its own mean gradient."""

    samples: int
    grad_norm: float


class Link(Protocol):
    """The way to the driver. `report` blocks for the verdict, `pulse` never waits."""

    def report(self, report: Report) -> Order: ...

    def pulse(self, samples_seen: int) -> Order: ...


class MetricLog(Protocol):
    """Where per-step metrics go. `step` is samples_seen. Must not block on a network."""

    def append(self, step: int, metrics: Mapping[str, float]) -> None: ...


@dataclass
class Setting:
    """Everything about a run that is known before it starts. See Context for the meanings."""

    workload: Workload
    evaluation: Evaluation
    params: Params
    plan: RunPlan
    roots: DataRoots
    seed: int = 0
    # The most examples that go through a model at once; None: as many as fit.
    micro_batch_size: int | None = None
    # Tokens that a micro-batch is foretold to have room for; None: nobody knows.
    micro_batch_tokens: int | None = None
    device: str = "cpu"
    checkpoint_seconds: float = 600.0
    keep_final: bool = True
    # The last decision point that the journal knows; None: the checkpoint's word is taken.
    heard: int | None = None
    # The operator's SWEEP_JUDGES and SWEEP_LM_EVAL_TASKS.
    judges: str = ""
    tasks: str = ""
    # Where this node keeps tokenised data; None: nowhere.
    token_folder: Path | None = None
    cache: dict[str, Any] = field(default_factory=dict)
    world: World = ALONE
    # What this trial takes over from others, and leaves for them; its id tells ours from theirs.
    trial: str = ""
    shared: SharedPhases = NOTHING_SHARED


class Context:
    """One attempt at one trial, as its recipe sees it. The fields are those of `Setting`.

    With several ranks each has a context, and all of them make the same calls: rank 0 asks the
    driver, writes and logs, and its answers go to all, so that none waits for another that left.
    """

    def __init__(
        self, setting: Setting, link: Link, log: MetricLog, checkpoints: CheckpointFolder
    ) -> None:
        self.workload, self.evaluation = setting.workload, setting.evaluation
        self.params, self.plan, self.roots = setting.params, setting.plan, setting.roots
        self.seed, self.device, self.cache = setting.seed, setting.device, setting.cache
        self.micro_batch_named = setting.micro_batch_size is not None
        self.micro_batch_size = setting.micro_batch_size or MICRO_BATCH_SIZE
        self.micro_batch_tokens = setting.micro_batch_tokens
        # How the last global batch was cut; of a resumed run as it was when the state was saved.
        self.cut: BatchCut | None = None
        self.world = setting.world
        self.judges, self.tasks = setting.judges, setting.tasks
        self.token_folder = setting.token_folder
        self._checkpoint_seconds = setting.checkpoint_seconds
        self._keep_final, self._saved_last = setting.keep_final, False
        self._link, self._log, self._checkpoints = link, log, checkpoints
        self._trial, self._shared, self._inherited = setting.trial, setting.shared, 0
        self._save: Callable[[Path], None] | None = None
        self._steps: list[StepRecord] = []
        # All reports of this trial: the last ones may not have been heard yet.
        self._heard, self._told, self._unheard = setting.heard, list[Report](), list[Report]()
        self._step = self._samples = self._tokens = self._point = 0
        self._clock = self._saved_at = time.monotonic()
        self._meter = Meter(self.device)

    @property
    def folder(self) -> Path:
        """Where the checkpoints lie; what is left beside them one attempt tells the next."""
        return self._checkpoints.root

    @property
    def steps_done(self) -> int:
        """Optimizer steps behind us: 0, or those of the checkpoint that was loaded."""
        return self._step

    @property
    def samples_seen(self) -> int:
        """Training samples behind us."""
        return self._samples

    def register_state(self, save: Callable[[Path], None], load: Callable[[Path], None]) -> None:
        """Say how the state is written to and read from a folder; resumes when there is one.

        Call once, before the first step. `save` writes plain files (safetensors, JSON); several
        ranks write into one folder, each its own files.
        """
        self._save = save
        newest = self.world.tell(self._newest() if self.world.first else None)
        if newest is not None:
            self._restore(json.loads((newest / "context.json").read_text()))
            load(newest)
        if self._unheard and self._point == self.plan.points and self._keep_final:
            self._weigh_last()
        self._tell()
        self._clock = time.monotonic()

    def micro_batch(self, tokens: int) -> None:
        """Tell of a micro-batch that goes through the model: its tokens, padding included. By them
        the cost model compares what trials take of a device's memory."""
        self._meter.micro_batch(tokens)

    def step(
        self,
        *,
        samples: int,
        tokens: int,
        loss: float,
        grad_norm: float | None,
        learning_rate: float,
        label_tokens: int | None = None,
        changed: bool = True,
        part: Part | None = None,
        cut: BatchCut | None = None,
        ends: bool = False,
        evaluate: Callable[[], Mapping[str, float]] | None = None,
    ) -> None:
        """Tell of one optimizer step: its samples, its non-padding tokens, its token-mean loss in
        nats, its pre-clip gradient norm, the learning rate it used.

        `part` is one micro-batch of several, from which the noise of the gradient is estimated;
        `cut` how the batch was cut into them.
        `evaluate` is called when an evaluation is due here. `ends`: the run is over with this step,
        its target reached before its horizon; return after it. Blocks at a decision point for the
        verdict. Raises Stopped, or Paused after saving.
        """
        self._step += 1
        self._samples += samples
        self._tokens += tokens
        record = StepRecord(
            step=self._step,
            samples_seen=self._samples,
            tokens=tokens,
            loss=loss,
            grad_norm=grad_norm,
            learning_rate=learning_rate,
            seconds=time.monotonic() - self._clock,
            changed=changed or learning_rate == 0,
            label_tokens=label_tokens,
            samples=samples,
            micro_grad_norm=part.grad_norm if part else None,
            micro_batch=part.samples if part else None,
        )
        self._steps.append(record)
        self._log_step(record, cut)
        every, guard = self.evaluation.every_points, step_guard(record)
        now = due(self.plan, every, self._point, self._samples, guard=guard, ends=ends)
        if now is None:
            self._share()
            self._obey(self._answer(partial(self._link.pulse, self._samples)))
        elif now.guard is not None:
            self._tell(self._report(now.point, {}, now.guard))
        else:
            self._reach(now.point, self._evaluate(evaluate) if now.evaluate else {})
        self._clock = time.monotonic()

    def _reach(self, point: int, metrics: dict[str, float]) -> None:
        """A decision point: close the window, keep what must outlive the verdict, hear it."""
        report = self._report(point, metrics, None)
        self._log_noise(report.window)
        self._point, self._steps = point, []
        self._unheard.append(report)
        # Before anybody hears of it: a verdict on this trial takes nothing from the others.
        self._share()
        if point == self.plan.points and self._keep_final:
            self._save_last()
        else:
            self._tell()

    def untrained(self, metrics: Mapping[str, float]) -> None:
        """Tell what the base model measures as it is, instead of training it: the only report of
        this run, at its last decision point and after no sample. Return after it."""
        if metrics:
            self._log.append(0, metrics)
        report = Report(
            point=self.plan.points, samples=0, step=0, window=NOTHING_SEEN, metrics=dict(metrics)
        )
        self._tell(report)

    def _log_step(self, record: StepRecord, cut: BatchCut | None) -> None:
        values = {"loss": record.loss, "learning_rate": record.learning_rate}
        if record.grad_norm is not None:
            values["grad_norm"] = record.grad_norm
        if self._tokens:
            values["num_tokens"] = float(self._tokens)
        if cut is not None:
            # Told when it changes, which it does when memory runs out; not at every step.
            if not (self.cut and cut.same_micro_batch(self.cut)):
                values |= cut.metrics()
            self.cut = cut
        self._log.append(record.samples_seen, values)

    def _log_noise(self, window: Window) -> None:
        """Per decision point, not per step: a single step says nothing of it."""
        noise = {"noise_scale": window.noise_scale, "true_grad_norm": window.true_grad_norm}
        found = {name: value for name, value in noise.items() if value is not None}
        if found:
            self._log.append(self._samples, found)

    def _evaluate(self, evaluate: Callable[[], Mapping[str, float]] | None) -> dict[str, float]:
        if evaluate is None:
            return {}
        metrics = dict(evaluate())
        self._log.append(self._samples, metrics)
        return metrics

    def _report(self, point: int, metrics: dict[str, float], guard: str | None) -> Report:
        return Report(
            point=point,
            samples=self._samples,
            step=self._step,
            window=make_window(self._steps, self._peak_memory()),
            metrics=metrics,
            guard=guard,
            footprint=self._meter.footprint(),
            cut=self.cut,
            inherited=self._inherited or None,
        )

    def _peak_memory(self) -> int | None:
        """That of the device which needed most: it is the one that would run out."""
        peak = self._meter.peak_memory()
        return None if peak is None else self.world.most(peak)

    def _tell(self, *reports: Report) -> None:
        """Report, and remember a report as unheard in every checkpoint until it is heard."""
        self._unheard += reports
        while self._unheard:
            order = self._answer(partial(self._link.report, self._unheard[0]))
            if order is Order.LEAVE:
                self._obey(Order.PAUSE)
            self._told.append(self._unheard.pop(0))
            self._obey(order)

    def _answer(self, ask: Callable[[], Order]) -> Order:
        """What rank 0 hears from the driver, on every rank."""
        order = ask() if self.world.first else Order.GO_ON
        if order is Order.GO_ON and time.monotonic() - self._saved_at >= self._checkpoint_seconds:
            order = Order.SAVE
        return self.world.tell(order)

    def _obey(self, order: Order) -> None:
        if order is Order.STOP:
            raise Stopped
        if order in (Order.PAUSE, Order.SAVE):
            self.checkpoint()
        if order is Order.PAUSE:
            raise Paused

    def _save_last(self) -> None:
        """Keep the final weights, before anybody hears that the trial is through: whatever is
        killed after that, a finished trial has them."""
        self.checkpoint(last=True)
        self._saved_last = True
        self._weigh_last()
        self._tell()

    def _weigh_last(self) -> None:
        """What the final weights take is known once they are there, and so not in them."""
        self._unheard[-1] = self._meter.saved(self._unheard[-1], self._checkpoints.root)

    def checkpoint(self, *, last: bool = False) -> None:
        """Write a checkpoint now. Does nothing for a recipe that registered no state."""
        if self._save is None or self._saved_last:
            return
        self._write(self._save, self._checkpoints, last=last)
        self._saved_at = time.monotonic()

    def _share(self) -> None:
        """At the end of a phase that other trials begin with, leave them a checkpoint."""
        if self._save is None or not self._shared.ends(self._step):
            return
        folder = self._shared.wanted(self._step) if self.world.first else None
        if self.world.tell(folder is not None):
            self._write(self._save, folder or self._checkpoints, last=True)

    def _write(self, save: Callable[[Path], None], folder: CheckpointFolder, *, last: bool) -> None:
        world = self.world

        def write(draft: Path) -> None:
            save(world.tell(draft))
            (draft / "context.json").write_text(json.dumps(self._state()))
            world.wait()

        if world.first:
            folder.write(self._step, write, last=last)
        else:
            save(world.tell(Path()))
            world.wait()

    def _state(self) -> dict[str, Any]:
        """Counters and the steps of the open window: a resumed window equals an unbroken one."""
        return {
            "step": self._step,
            "samples": self._samples,
            "tokens": self._tokens,
            "point": self._point,
            "trial": self._trial,
            "inherited": self._inherited,
            "cut": self.cut.model_dump_json() if self.cut else None,
            "micro_batch_tokens": self._meter.tokens,
            "told": [report.model_dump_json() for report in self._told],
            "unheard": [report.model_dump_json() for report in self._unheard],
            "window": [
                {name: getattr(step, name) for name in StepRecord.__slots__} for step in self._steps
            ],
        }

    def _restore(self, state: dict[str, Any]) -> None:
        self._step, self._samples = state["step"], state["samples"]
        self._tokens, self._point = state["tokens"], state["point"]
        self._steps = [StepRecord(**fields) for fields in state["window"]]
        told = [Report.model_validate_json(report) for report in state["told"]]
        unheard = [Report.model_validate_json(report) for report in state["unheard"]]
        # The checkpoint may be ahead of the journal: a driver that had lost its lease answered,
        # and what it wrote counts for nothing.
        heard = self.plan.points if self._heard is None else self._heard
        self._told = [report for report in told if report.point <= heard]
        self._unheard = [report for report in told if report.point > heard] + unheard
        self._inherited = state.get("inherited", 0)
        self._meter.micro_batch(state.get("micro_batch_tokens", 0))
        if cut := state.get("cut"):
            self.cut = BatchCut.model_validate_json(cut)
        if state.get("trial", self._trial) != self._trial:
            self._inherit(heard)

    def _inherit(self, heard: int) -> None:
        """The state is another trial's that went the same way so far: its reports are ours to tell,
        and what they say is shown under our name. What it took was not taken by us."""
        self._inherited = self._samples
        ours = {"inherited": self._samples}
        self._told = [report.model_copy(update=ours) for report in self._told]
        unheard = [report for report in self._unheard if report.point > heard]
        self._unheard = [report.model_copy(update=ours) for report in unheard]
        for report in self._unheard:
            self._log.append(report.samples, {**report.metrics, **_summary(report.window)})

    def _newest(self) -> Path | None:
        """Our own newest checkpoint, or one that another trial left further on."""
        own = self._checkpoints.newest()
        done = step_of(own.name) if own is not None else 0
        return self._shared.beyond(done) or own


def _summary(window: Window) -> dict[str, float]:
    """What stands for the steps of a window that were logged under another trial's name."""
    values = {"learning_rate": window.learning_rate}
    spreads = {"loss": window.loss, "grad_norm": window.grad_norm}
    return values | {name: spread.value for name, spread in spreads.items() if spread is not None}
