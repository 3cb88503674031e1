"""Decision points: marks on the samples axis at which a trial reports and may be judged."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from sweeps.trial import Params, ParamValue

# What a run may be of; `phased` needs phases, which are written in workload.strategy.
STACKED, PHASED = "stacked", "phased"


@dataclass(frozen=True)
class Stage:
    """A phase as spec and data fix it: `samples` long, with what it sets for itself. None: as the
    trial's own parameters say."""

    samples: int
    global_batch_size: int | None = None
    learning_rate: float | None = None
    warmup_steps: int | None = None
    replay: float = 0.0


@dataclass(frozen=True)
class PhasePlan:
    """One phase (1, 2, ...) of a run: `steps` whole steps of `global_batch_size` from step
    `first_step` (from 0) on, when `start` samples were seen. `learning_rate` is its peak, None for
    a run without one; `replay` the share of its samples that earlier phases' data gives."""

    number: int
    first_step: int
    start: int
    steps: int
    global_batch_size: int
    warmup_steps: int
    learning_rate: float | None
    replay: float

    @property
    def samples(self) -> int:
        """Samples of all its steps."""
        return self.steps * self.global_batch_size

    @property
    def end(self) -> int:
        """Samples seen after its last step."""
        return self.start + self.samples

    @property
    def last_step(self) -> int:
        """Steps behind the run after its last step."""
        return self.first_step + self.steps

    @property
    def warm(self) -> int:
        """Samples seen when its warmup ends."""
        return self.start + self.warmup_steps * self.global_batch_size


@dataclass(frozen=True)
class RunPlan:
    """The length of one trial's run.

    `horizon` samples in steps of `global_batch_size`; the last step is whole, so a run may see up
    to one batch more than its horizon. `points` is the number of decision points. A phased run has
    `phased`, and its batch size and warmup are those of its first phase.
    """

    horizon: int
    global_batch_size: int
    points: int
    warmup_steps: int = 0
    phased: tuple[PhasePlan, ...] = ()

    @cached_property
    def phases(self) -> tuple[PhasePlan, ...]:
        """Its phases in order; of a run that has none, one that is the whole of it."""
        if self.phased:
            return self.phased
        steps = -(-self.horizon // self.global_batch_size)
        return (PhasePlan(1, 0, 0, steps, self.global_batch_size, self.warmup_steps, None, 0.0),)

    @property
    def steps(self) -> int:
        """Optimizer steps of the whole run."""
        return self.phases[-1].last_step

    @property
    def samples(self) -> int:
        """Samples of all its steps: at least the horizon."""
        return self.phases[-1].end

    @property
    def warmup_samples(self) -> int:
        """Samples seen when its first warmup ends."""
        return self.phases[0].warm

    def point_at(self, samples_seen: int) -> int:
        """The highest point k with samples_seen >= k x horizon / points; 0 before the first."""
        return min(self.points, samples_seen * self.points // self.horizon)

    def samples_at(self, point: int) -> int:
        """samples_seen after the first step that reaches `point`."""
        # ceil(point x horizon / points) in whole numbers.
        mark = -(-point * self.horizon // self.points)
        phase = self.phase_at(mark)
        size = phase.global_batch_size
        return phase.start + -(-(mark - phase.start) // size) * size

    def phase_at(self, samples_seen: int) -> PhasePlan:
        """The phase in which a run is, or has just come to its end, with so many samples seen."""
        return next((p for p in self.phases if samples_seen <= p.end), self.phases[-1])

    def phase_of(self, step: int) -> PhasePlan:
        """The phase that step `step` (from 0) belongs to."""
        return next((p for p in self.phases if step < p.last_step), self.phases[-1])

    def samples_after(self, steps: int) -> int:
        """samples_seen after so many steps."""
        phase = self.phase_of(steps - 1)
        return phase.start + (steps - phase.first_step) * phase.global_batch_size

    def step_at(self, samples_seen: int) -> int:
        """Steps done once so many samples are seen: the inverse of `samples_after`."""
        phase = self.phase_at(samples_seen)
        return phase.first_step + (samples_seen - phase.start) // phase.global_batch_size

    def reported_points(self) -> list[int]:
        """Every point this run reports: a step that crosses several reports the last of them."""
        return [
            point
            for point in range(1, self.points + 1)
            if self.point_at(self.samples_at(point)) == point
        ]

    def past_warmup(self, point: int) -> bool:
        """True when the whole warmup of its phase lies before `point` is reported."""
        seen = self.samples_at(point)
        return seen > self.phase_at(seen).warm

    def first_report(self, mark: int) -> int | None:
        """The first point from `mark` on that is reported past the warmup, None without one."""
        found = (
            point
            for point in range(mark, self.points + 1)
            if self.point_at(self.samples_at(point)) == point and self.past_warmup(point)
        )
        return next(found, None)


def evaluated(point: int, every: int, points: int) -> bool:
    """True when an evaluation is due at `point`: every `every`-th one, and always the last."""
    return point == points or point % every == 0


def crossed_evaluation(last: int, point: int, every: int, points: int) -> bool:
    """True when an evaluation is due between `last` (exclusive) and `point` (inclusive)."""
    return point == points or point // every > last // every


def warmup_steps(params: Params, steps: int) -> int:
    """`warmup_steps`, or ceil(warmup_ratio x steps) as transformers rounds it; 0 when neither."""
    if "warmup_steps" in params:
        return int(params["warmup_steps"])
    return math.ceil(float(params.get("warmup_ratio", 0.0)) * steps)


def run_plan(params: Params, horizon: int, points: int, stages: Sequence[Stage] = ()) -> RunPlan:
    """The run of one configuration. A recipe without a batch size counts single samples.

    `stages` are the phases of its sweep; a stacked configuration takes no notice of them.
    """
    batch = int(params.get("global_batch_size", 1))
    if stages and params.get("strategy", PHASED) == PHASED:
        phases = _phases(params, stages)
        first = phases[0]
        return RunPlan(horizon, first.global_batch_size, points, first.warmup_steps, phases)
    bare = RunPlan(horizon, batch, points)
    return RunPlan(horizon, batch, points, warmup_steps(params, bare.steps))


def of_phase(name: str, number: int) -> str:
    """The parameter that sets `name` in phase `number` alone: phase2_learning_rate."""
    return f"phase{number}_{name}"


def _phases(params: Params, stages: Sequence[Stage]) -> tuple[PhasePlan, ...]:
    """Steps are whole: what a phase's last one sees beyond its end, the next phase sees less. A
    phase of which nothing is left has 0 steps."""
    found: list[PhasePlan] = []
    planned = seen = steps = 0
    for number, stage in enumerate(stages, 1):
        planned += stage.samples
        batch = int(_of(params, number, "global_batch_size", stage.global_batch_size) or 1)
        rate = _of(params, number, "learning_rate", stage.learning_rate)
        own = params.get(of_phase("warmup_steps", number), stage.warmup_steps)
        length = max(0, -(-(planned - seen) // batch))
        phase = PhasePlan(
            number,
            first_step=steps,
            start=seen,
            steps=length,
            global_batch_size=batch,
            warmup_steps=warmup_steps(params, length) if own is None else int(own),
            learning_rate=None if rate is None else float(rate),
            replay=float(params.get(of_phase("replay", number), stage.replay)),
        )
        found.append(phase)
        steps, seen = phase.last_step, phase.end
    return tuple(found)


def _of(params: Params, number: int, name: str, stage: float | int | None) -> ParamValue | None:
    """What a phase takes: the trial's value for it, else its own, else the trial's for all."""
    return params.get(of_phase(name, number), params.get(name) if stage is None else stage)
