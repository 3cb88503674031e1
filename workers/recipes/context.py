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
from pathlib import Path
from typing import Any, Protocol

from sweeps.points import RunPlan
from sweeps.pruners.guards import step_guard
from sweeps.reporting import due
from sweeps.spec import Evaluation, Workload
from sweeps.trial import NOTHING_SEEN, Params, Report, StepRecord, Window
from sweeps.windows import make_window
from workers.checkpoints import CheckpointFolder
from workers.roots import DataRoots


class Order(StrEnum):
    """What the driver tells a running trial."""

    GO_ON = "go_on"
    PAUSE = "pause"
    STOP = "stop"
    # Pause, and say the report again when you go on: nobody heard it.
    LEAVE = "leave"


class Stopped(BaseException):
    """Raised in `step` when the trial is over for good. Not an Exception: recipes let it pass."""


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
    micro_batch_size: int = 8
    device: str = "cpu"
    checkpoint_seconds: float = 600.0
    keep_final: bool = True
    # The last decision point that the journal knows; None: the checkpoint's word is taken.
    heard: int | None = None
    cache: dict[str, Any] = field(default_factory=dict)


class Context:
    """One attempt at one trial, as its recipe sees it. The fields are those of `Setting`."""

    def __init__(
        self, setting: Setting, link: Link, log: MetricLog, checkpoints: CheckpointFolder
    ) -> None:
        self.workload, self.evaluation = setting.workload, setting.evaluation
        self.params, self.plan, self.roots = setting.params, setting.plan, setting.roots
        self.seed, self.device, self.cache = setting.seed, setting.device, setting.cache
        self.micro_batch_size = setting.micro_batch_size
        self._checkpoint_seconds = setting.checkpoint_seconds
        self._keep_final, self._saved_last = setting.keep_final, False
        self._link, self._log, self._checkpoints = link, log, checkpoints
        self._save: Callable[[Path], None] | None = None
        self._steps: list[StepRecord] = []
        # All reports of this trial: the last ones may not have been heard yet.
        self._heard, self._told, self._unheard = setting.heard, list[Report](), list[Report]()
        self._step = self._samples = self._tokens = self._point = 0
        self._clock = self._saved_at = time.monotonic()
        _peak_memory(self.device)  # that of an earlier trial in this process is not ours

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

        Call once, before the first step. `save` writes plain files (safetensors, JSON).
        """
        self._save = save
        newest = self._checkpoints.newest()
        if newest is not None:
            self._restore(json.loads((newest / "context.json").read_text()))
            load(newest)
        self._tell()
        self._clock = time.monotonic()

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
        ends: bool = False,
        evaluate: Callable[[], Mapping[str, float]] | None = None,
    ) -> None:
        """Tell of one optimizer step: its samples, its non-padding tokens, its token-mean loss in
        nats, its pre-clip gradient norm, the learning rate it used.

        `part` is one micro-batch of several, from which the noise of the gradient is estimated.
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
        self._log_step(record)
        every, guard = self.evaluation.every_points, step_guard(record)
        now = due(self.plan, every, self._point, self._samples, guard=guard, ends=ends)
        if now is None:
            self._obey(self._link.pulse(self._samples))
        elif now.guard is not None:
            self._tell(self._report(now.point, {}, now.guard))
        else:
            metrics = self._evaluate(evaluate) if now.evaluate else {}
            report = self._report(now.point, metrics, None)
            self._log_noise(report.window)
            self._point, self._steps = now.point, []
            if now.point == self.plan.points and self._keep_final:
                self._save_last(report)
            else:
                self._tell(report)
        self._clock = time.monotonic()

    def untrained(self, metrics: Mapping[str, float]) -> None:
        """Tell what the base model measures as it is, instead of training it: the only report of
        this run, at its last decision point and after no sample. Return after it."""
        if metrics:
            self._log.append(0, metrics)
        report = Report(
            point=self.plan.points, samples=0, step=0, window=NOTHING_SEEN, metrics=dict(metrics)
        )
        self._tell(report)

    def _log_step(self, record: StepRecord) -> None:
        values = {"loss": record.loss, "learning_rate": record.learning_rate}
        if record.grad_norm is not None:
            values["grad_norm"] = record.grad_norm
        if self._tokens:
            values["num_tokens"] = float(self._tokens)
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
            window=make_window(self._steps, _peak_memory(self.device)),
            metrics=metrics,
            guard=guard,
        )

    def _tell(self, *reports: Report) -> None:
        """Report, and remember a report as unheard in every checkpoint until it is heard."""
        self._unheard += reports
        while self._unheard:
            order = self._link.report(self._unheard[0])
            if order is Order.LEAVE:
                self._obey(Order.PAUSE)
            self._told.append(self._unheard.pop(0))
            self._obey(order)

    def _obey(self, order: Order) -> None:
        if order is Order.STOP:
            raise Stopped
        if order is Order.PAUSE:
            self.checkpoint()
            raise Paused
        if time.monotonic() - self._saved_at >= self._checkpoint_seconds:
            self.checkpoint()

    def _save_last(self, report: Report) -> None:
        """Keep the final weights, before anybody hears that the trial is through: whatever is
        killed after that, a finished trial has them."""
        self._unheard.append(report)
        self.checkpoint(last=True)
        self._saved_last = True
        self._tell()

    def checkpoint(self, *, last: bool = False) -> None:
        """Write a checkpoint now. Does nothing for a recipe that registered no state."""
        if self._save is None or self._saved_last:
            return
        save = self._save

        def write(folder: Path) -> None:
            save(folder)
            (folder / "context.json").write_text(json.dumps(self._state()))

        self._checkpoints.write(self._step, write, last=last)
        self._saved_at = time.monotonic()

    def _state(self) -> dict[str, Any]:
        """Counters and the steps of the open window: a resumed window equals an unbroken one."""
        return {
            "step": self._step,
            "samples": self._samples,
            "tokens": self._tokens,
            "point": self._point,
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


def _peak_memory(device: str) -> int | None:
    """The most bytes that tensors took since the last call; None on a CPU."""
    if device != "cuda":
        return None
    import torch  # heavy, and only a GPU run needs it here

    # Before this, torch has no statistics to reset, and raises.
    torch.cuda.init()  # type: ignore[no-untyped-call]
    peak = int(torch.cuda.max_memory_allocated())
    torch.cuda.reset_peak_memory_stats()
    return peak
