"""What a trial is and what it says: Trial, StepRecord, Window, Report, Verdict."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from enum import StrEnum
from uuid import UUID, uuid5

from sweeps.wire import Wire

ParamValue = bool | int | float | str
Params = dict[str, ParamValue]


class Role(StrEnum):
    """What a trial is for. Only `SEARCH` trials belong to cohorts."""

    SEARCH = "search"
    BASE = "base"
    PRESET = "preset"
    CONFIRM = "confirm"


class Action(StrEnum):
    """What a verdict tells a trial to do."""

    CONTINUE = "continue"
    PAUSE = "pause"
    STOP = "stop"


def trial_uuid(sweep_id: str, number: int) -> UUID:
    """The id of trial `number` (0, 1, ...): uuid5 of the sweep's uuid and the number.

    `sweep_id` is `swp_` + 32 hex digits. The same sweep and number give the same id on every
    machine and after every crash.
    """
    return uuid5(UUID(sweep_id.removeprefix("swp_")), str(number))


def trial_id(sweep_id: str, number: int) -> str:
    """The public form of `trial_uuid`: `trl_` + 32 hex digits."""
    return f"trl_{trial_uuid(sweep_id, number).hex}"


@dataclass(frozen=True, slots=True)
class StepRecord:
    """One optimizer step.

    `samples_seen` and `step` are cumulative and include this step; `tokens` are its non-padding
    input tokens; `loss` is the token mean in nats over the global batch; `grad_norm` the pre-clip
    global L2 norm of the averaged gradient (None: the recipe does not measure it); `changed` is
    False when no watched parameter changed although the learning rate was positive.
    `seconds` is wall time of the step; it is shown, never used to decide.
    `samples` are those of this step alone; `micro_grad_norm` is the norm of the mean gradient over
    `micro_batch` of them (None: the step was not made of several micro-batches).
    """

    step: int
    samples_seen: int
    tokens: int
    loss: float
    grad_norm: float | None
    learning_rate: float
    seconds: float = 0.0
    changed: bool = True
    label_tokens: int | None = None
    samples: int | None = None
    micro_grad_norm: float | None = None
    micro_batch: int | None = None


class Spread(Wire):
    """How a signal ran inside one window, over its finite values (NaN when there were none)."""

    value: float
    first: float
    last: float
    min: float
    max: float
    median: float
    mad: float


class Window(Wire):
    """The steps since the decision point before. `sweeps.windows.make_window` is its only maker.

    `loss.value` is the token-weighted mean, `grad_norm.value` the median. A signal that was not
    measured is None and gives no verdict. `noise_scale` (in samples) and `true_grad_norm` are those
    of `sweeps.noise`.
    """

    steps: int
    loss: Spread | None
    grad_norm: Spread | None
    spikes: int
    non_finite: int
    unchanged: int
    learning_rate: float
    tokens: int
    tokens_per_second: float | None = None
    peak_memory_bytes: int | None = None
    noise_scale: float | None = None
    true_grad_norm: float | None = None


# Of no steps: nothing was measured, so there is no signal and no verdict.
NOTHING_SEEN = Window(
    steps=0,
    loss=None,
    grad_norm=None,
    spikes=0,
    non_finite=0,
    unchanged=0,
    learning_rate=math.nan,
    tokens=0,
)


class Footprint(Wire):
    """What a run takes of its device, for the cost model. `device` is `cpu`, or the name that CUDA
    gives it; `micro_batch_tokens` those of the attempt's largest micro-batch, padding included;
    `checkpoint_bytes` the size of its last checkpoint, told at its end. None: not known there, not
    yet, or not told by the recipe."""

    device: str
    device_memory_bytes: int | None = None
    micro_batch_tokens: int | None = None
    checkpoint_bytes: int | None = None


class BatchCut(Wire):
    """How a trial's global batch was cut for the memory at hand; only rounding depends on it.

    Every optimizer step was over `effective_batch_size` samples, in `gradient_accumulation_steps`
    passes (of the last step) on `devices`, each of `per_device_train_batch_size` examples at most,
    or with packing of `packed_tokens` tokens. `halvings`: how often memory ran out.
    """

    effective_batch_size: int
    devices: int
    per_device_train_batch_size: int
    gradient_accumulation_steps: int
    packed_tokens: int | None = None
    halvings: int = 0

    def same_micro_batch(self, other: BatchCut) -> bool:
        """Whether both let as much through the model at once. Passes vary by step with packing."""
        passes = {"gradient_accumulation_steps": other.gradient_accumulation_steps}
        return self.model_copy(update=passes) == other

    def sentence(self) -> str:
        """What it says, in words, and what it means for a comparison when it changed."""
        packed = f" ({self.packed_tokens:,} tokens, packed)" if self.packed_tokens else ""
        told = (
            f"up to {self.per_device_train_batch_size} examples{packed} x "
            f"{self.gradient_accumulation_steps} passes x {self.devices} devices, "
            f"{self.effective_batch_size} samples a step"
        )
        if not self.halvings:
            return told
        times = "once" if self.halvings == 1 else f"{self.halvings} times"
        return (
            f"{told}; memory ran out {times} and the micro-batch was halved, which changes nothing "
            "but rounding (and dropout): the trial stays comparable"
        )

    def metrics(self) -> dict[str, float]:
        """Every number that is known, by its name. MLflow draws what stands before the slash apart,
        so that the curves come first."""
        return {f"batch/{name}": float(value) for name, value in self if value is not None}


class Report(Wire):
    """What a trial says at decision point `point` (1 ... points).

    `guard` names the per-step guard that tripped, if one did; the report then comes before its
    point is reached. `metrics` holds the evaluation taken at this point, empty when none was.
    `inherited`: this run took over what another trial of the sweep had trained up to so many
    samples, and did not train it again (None: it trained all by itself). Not `saves`: the run has
    no state to save, and when it is told to leave, the next attempt starts anew.
    """

    point: int
    samples: int
    step: int
    window: Window
    metrics: dict[str, float] = {}
    guard: str | None = None
    footprint: Footprint | None = None
    inherited: int | None = None
    cut: BatchCut | None = None
    saves: bool = True


class Evidence(Wire):
    """The facts a verdict rests on, so that "why was my trial stopped?" has an answer.

    `peers` names the nearest of those it was compared with, `details["peers"]` is their number.
    """

    signal: str | None = None
    value: float | None = None
    cutoff: float | None = None
    peers: list[int] = []
    probability: float | None = None
    details: dict[str, float | None] = {}


class Verdict(Wire):
    """What happens to a trial, why, in a word (`reason`) and in a sentence (`message`)."""

    action: Action
    reason: str
    message: str
    evidence: Evidence = Evidence()
    audit: bool = False


GO_ON = Verdict(action=Action.CONTINUE, reason="none", message="Nothing spoke against it.")


@dataclass(frozen=True)
class Trial:
    """One configuration of a sweep, as asked."""

    number: int
    params: Params
    role: Role = Role.SEARCH
    seed: int = 0


@dataclass
class AttemptRecord:
    """One execution of a trial on a worker, as the journal tells it."""

    number: int
    ended: str | None = None
    samples: int = 0
    seconds: float = 0.0
    error: str | None = None
    # Up to here it took over what another trial had trained; see `Report.inherited`.
    inherited: int = 0
    # Whether one that was paused or preempted left a state to go on from.
    kept: bool = True


@dataclass
class TrialRecord:
    """Everything the journal says of one trial. Built by `sweeps.journal.fold`, never by hand."""

    trial: Trial
    state: str
    reason: str | None = None
    reports: dict[int, Report] = field(default_factory=dict)
    verdicts: dict[int, Verdict] = field(default_factory=dict)
    attempts: list[AttemptRecord] = field(default_factory=list)
    # How many attempts lay behind it when a user last retried it; they count to no limit.
    forgiven: int = 0

    @property
    def last_report(self) -> Report | None:
        """The report with the highest point, or None before the first."""
        return self.reports[max(self.reports)] if self.reports else None
