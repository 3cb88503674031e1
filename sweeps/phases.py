"""Stacked or phased: the phases that a spec names, how long each is, and what a trial takes."""

from __future__ import annotations

import math
from collections.abc import Sequence
from fractions import Fraction

from sweeps.errors import Fault, SpecError
from sweeps.faults import shorten
from sweeps.journal import Story
from sweeps.points import PHASED, STACKED, Stage, of_phase
from sweeps.sft_parameters import SFT_PARAMETERS, Parameter
from sweeps.spec import Phase, Phased, SweepSpec, Workload
from sweeps.trial import Params

AT = "/spec/workload/strategy/phased"
# What a phase may set for itself, in its block or as a parameter of the sweep.
OF_A_PHASE = ("global_batch_size", "learning_rate", "warmup_steps", "replay")
_REPLAY = Parameter("float", "Share of samples from the data of earlier phases.", 0, below=1)


def phases_of(workload: Workload) -> list[Phase]:
    """The phases that the workload names; none for one that is only stacked."""
    return workload.strategy.phased if isinstance(workload.strategy, Phased) else []


def strategy_of(workload: Workload, params: Params) -> str:
    """What a trial trains by: its parameter `strategy`, else what the workload says."""
    return str(params.get("strategy", PHASED if phases_of(workload) else STACKED))


def phase_parameters(workload: Workload) -> dict[str, Parameter]:
    """The parameters that are of one phase alone, by name, such as phase2_learning_rate."""
    known = {**SFT_PARAMETERS, "replay": _REPLAY}
    return {
        of_phase(name, number): known[name]
        for number, _ in enumerate(phases_of(workload), 1)
        for name in OF_A_PHASE
        if name != "replay" or number > 1
    }


def stages_of(workload: Workload, lengths: Sequence[int]) -> tuple[Stage, ...]:
    """The phases of a workload, so many samples each; none while their lengths are not known."""
    phases = phases_of(workload)
    if len(lengths) != len(phases):
        return ()
    return tuple(
        Stage(
            samples,
            phase.global_batch_size,
            phase.learning_rate,
            phase.warmup_steps,
            phase.replay,
        )
        for phase, samples in zip(phases, lengths, strict=True)
    )


def stages_in(spec: SweepSpec, story: Story) -> tuple[Stage, ...]:
    """The phases of a sweep as its first driver found them, else as far as the spec tells."""
    if story.prepared is not None:
        return stages_of(spec.spec.workload, story.prepared.phase_samples)
    return planned_stages(spec, spec.spec.horizon.samples)


def planned_stages(spec: SweepSpec, horizon: int | None) -> tuple[Stage, ...]:
    """The phases before anybody has counted their data; none where their lengths need that."""
    return stages_of(spec.spec.workload, planned_lengths(spec.spec.workload, horizon))


def planned_lengths(workload: Workload, horizon: int | None) -> list[int]:
    """Samples of each phase as far as a spec tells; empty where that takes its data."""
    return _shared_out(phases_of(workload), horizon, None)[0] or []


def phase_lengths(workload: Workload, horizon: int, rows: Sequence[int]) -> list[int]:
    """Samples of each phase, `horizon` in all; `rows` are the examples of each one's data.

    Raises SpecError for phases that do not add up to the horizon.
    """
    lengths, faults = _shared_out(phases_of(workload), horizon, rows)
    if faults or lengths is None:
        raise SpecError(faults)
    return lengths


def length_faults(spec: SweepSpec) -> list[Fault]:
    """What is wrong with the phases' lengths, as far as the spec tells without its data."""
    return _shared_out(phases_of(spec.spec.workload), spec.spec.horizon.samples, None)[1]


def _shared_out(
    phases: Sequence[Phase], horizon: int | None, rows: Sequence[int] | None
) -> tuple[list[int] | None, list[Fault]]:
    """The lengths, None while they are not known, and what is wrong with them."""
    if not phases or horizon is None:
        return None, []
    written = [_written(phase, rows[i] if rows else None) for i, phase in enumerate(phases)]
    known = sum(length or 0 for length in written)
    waiting = [i for i, length in enumerate(written) if length is None]
    # One phase of unknown length that names none takes the rest; an `epochs` waits for its rows.
    counted = rows is not None or not any(phases[i].epochs for i in waiting)
    if not counted or (rows is None and len(waiting) > 1):
        return None, _too_long(known, horizon) if known >= horizon else []
    if not waiting:
        return [length or 0 for length in written], _too_long(known, horizon, exact=True)
    if horizon - known < len(waiting):
        return None, _too_long(known, horizon)
    for i, length in zip(
        waiting, _split(horizon - known, [rows[i] if rows else 1 for i in waiting]), strict=True
    ):
        written[i] = length
    return [length or 0 for length in written], []


def _written(phase: Phase, rows: int | None) -> int | None:
    if phase.epochs is None or rows is None:
        return phase.samples
    # Through the decimal text: 0.1 epochs of 10 samples is 1, as a person reads it.
    return math.ceil(Fraction(str(phase.epochs)) * rows)


def _split(samples: int, weights: Sequence[int]) -> list[int]:
    """`samples` in whole parts in proportion to `weights`, each at least 1 if there are enough."""
    total, before, given, found = sum(weights), 0, 0, list[int]()
    for place, weight in enumerate(weights):
        before += weight
        left = len(weights) - place - 1
        upto = min(max(samples * before // total, given + 1), samples - left)
        found.append(upto - given)
        given = upto
    return found


def _too_long(known: int, horizon: int, *, exact: bool = False) -> list[Fault]:
    """Phases that all have a length must add up; others must leave something."""
    if exact and known == horizon:
        return []
    message = f"the lengths of the phases add up to {known:,} samples, the horizon is {horizon:,}"
    mend = f"Write horizon: {{samples: {known}}}, or leave out the length of one phase."
    if not exact:
        mend = "Shorten them, or lengthen the horizon: phases without a length need samples too."
    return [Fault(AT, shorten(known), message, mend)]
