"""One attempt at one trial, as its recipe sees it.

A recipe calls `register_state` once and `step` after every optimizer step; everything else
(windows, decision points, guards, checkpoints, metrics) happens in here.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from sweeps.pruners.guards import step_guard
from sweeps.reporting import due
from sweeps.trial import NOTHING_SEEN, BatchCut, Report, StepRecord
from sweeps.windows import make_window
from workers.checkpoints import CheckpointFolder
from workers.recipes.context.dialogue import Dialogue
from workers.recipes.context.metrics import (
    cut_metrics,
    noise_metrics,
    step_metrics,
    window_metrics,
)
from workers.recipes.context.orders import Link, MetricLog
from workers.recipes.context.progress import Part, Progress
from workers.recipes.context.reports import Reports
from workers.recipes.context.saving import Saver, read_state
from workers.recipes.context.setting import Setting
from workers.recipes.footprint import Meter

# Where nobody named a micro-batch and none was found by trying.
MICRO_BATCH_SIZE = 8


class Context:
    """One attempt at one trial. The fields are those of `Setting`.

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
        self._trial, self._keep_final, self._log = setting.trial, setting.keep_final, log
        self._progress = Progress()
        self._reports = Reports(self.plan.points if setting.heard is None else setting.heard)
        self._saver = Saver(
            checkpoints, setting.shared, self.world, setting.checkpoint_seconds, self._state
        )
        self._driver = Dialogue(link, self.world, self._reports, self._saver, self._progress)
        self._clock = time.monotonic()
        self._meter = Meter(self.device, self.world)

    @property
    def folder(self) -> Path:
        """Where the checkpoints lie; what is left beside them one attempt tells the next."""
        return self._saver.root

    @property
    def steps_done(self) -> int:
        """Optimizer steps behind us: 0, or those of the checkpoint that was loaded."""
        return self._progress.step

    @property
    def samples_seen(self) -> int:
        """Training samples behind us."""
        return self._progress.samples

    @property
    def saves(self) -> bool:
        """False once a step was taken without a registered state: a trial that is paused then
        starts anew."""
        return self._saver.save is not None or not self._progress.step

    def register_state(self, save: Callable[[Path], None], load: Callable[[Path], None]) -> None:
        """Say how the state is written to and read from a folder; resumes when there is one.

        Call once, before the first step. `save` writes plain files (safetensors, JSON); several
        ranks write into one folder, each its own files.
        """
        self._saver.save = save
        newest = self._saver.newest()
        if newest is not None:
            self._restore(read_state(newest))
            load(newest)
        ended = self._progress.point == self.plan.points
        if self._reports.unheard and ended and self._keep_final:
            self._weigh_last()
        self._driver.report()
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
        record = StepRecord(
            step=self._progress.step + 1,
            samples_seen=self._progress.samples + samples,
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
        self._add(record, cut)
        every, guard = self.evaluation.every_points, step_guard(record)
        point, seen = self._progress.point, self._progress.samples
        now = due(self.plan, every, point, seen, guard=guard, ends=ends)
        if now is None:
            self._saver.share(record.step)
            self._driver.pulse()
        elif now.guard is not None:
            self._driver.report(self._report(now.point, {}, now.guard))
        else:
            self._reach(now.point, self._evaluate(evaluate) if now.evaluate else {})
        self._clock = time.monotonic()

    def untrained(self, metrics: Mapping[str, float]) -> None:
        """Tell what the base model measures as it is, instead of training it: the only report of
        this run, at its last decision point and after no sample. Return after it."""
        if metrics:
            self._log.append(0, metrics)
        report = Report(
            point=self.plan.points, samples=0, step=0, window=NOTHING_SEEN, metrics=dict(metrics)
        )
        self._driver.report(report)

    def checkpoint(self) -> None:
        """Write a checkpoint now. Does nothing for a recipe that registered no state."""
        self._saver.checkpoint(self._progress.step)

    def _add(self, record: StepRecord, cut: BatchCut | None) -> None:
        self._progress.add(record)
        values = step_metrics(record, self._progress.tokens)
        if cut is not None:
            values |= cut_metrics(cut, self.cut)
            self.cut = cut
        self._log.append(record.samples_seen, values)

    def _reach(self, point: int, metrics: dict[str, float]) -> None:
        """A decision point: close the window, keep what must outlive the verdict, hear it."""
        report = self._report(point, metrics, None)
        if noise := noise_metrics(report.window):
            self._log.append(report.samples, noise)
        self._progress.reach(point)
        self._reports.unheard.append(report)
        # Before anybody hears of it: a verdict on this trial takes nothing from the others.
        self._saver.share(report.step)
        if point == self.plan.points and self._keep_final:
            # Likewise the final weights: whatever is killed after that, a finished trial has them.
            self._saver.checkpoint(report.step, last=True)
            self._weigh_last()
        self._driver.report()

    def _weigh_last(self) -> None:
        """What the final weights take is known once they are there, and so not in them."""
        self._reports.unheard[-1] = self._meter.saved(self._reports.unheard[-1], self.folder)

    def _evaluate(self, evaluate: Callable[[], Mapping[str, float]] | None) -> dict[str, float]:
        if evaluate is None:
            return {}
        metrics = dict(evaluate())
        self._log.append(self._progress.samples, metrics)
        return metrics

    def _report(self, point: int, metrics: dict[str, float], guard: str | None) -> Report:
        return Report(
            point=point,
            samples=self._progress.samples,
            step=self._progress.step,
            window=make_window(self._progress.window, self._meter.peak_memory()),
            metrics=metrics,
            guard=guard,
            footprint=self._meter.footprint(),
            cut=self.cut,
            inherited=self._progress.inherited or None,
            saves=self.saves,
        )

    def _state(self) -> dict[str, Any]:
        own = {
            "trial": self._trial,
            "cut": self.cut.model_dump_json() if self.cut else None,
            "micro_batch_tokens": self._meter.tokens,
        }
        return self._progress.dump() | own | self._reports.dump()

    def _restore(self, state: dict[str, Any]) -> None:
        self._progress.load(state)
        self._reports.load(state)
        self._meter.micro_batch(state.get("micro_batch_tokens", 0))
        if cut := state.get("cut"):
            self.cut = BatchCut.model_validate_json(cut)
        if state.get("trial", self._trial) != self._trial:
            self._inherit()

    def _inherit(self) -> None:
        """The state is another trial's that went the same way so far: what its reports say is shown
        under our name. What it took was not taken by us."""
        self._progress.inherited = self._progress.samples
        self._reports.inherit(self._progress.samples)
        for report in self._reports.unheard:
            self._log.append(report.samples, {**report.metrics, **window_metrics(report.window)})
