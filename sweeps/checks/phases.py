"""Phases: do they fit the run, and does every trial read what is written for them?"""

from __future__ import annotations

import re
from collections.abc import Iterator

from sweeps.errors import Fault
from sweeps.faults import pointer, shorten
from sweeps.phases import AT, OF_A_PHASE, length_faults, phases_of, strategy_of
from sweeps.points import PHASED, of_phase
from sweeps.space import Choice
from sweeps.spec import Phased, SweepSpec
from sweeps.trial import Params

_PARAMETERS = "/spec/parameters"
_OF_PHASE = re.compile(r"phase\d+_")


def phase_faults(spec: SweepSpec) -> list[Fault]:
    """What is wrong with the phases, and with the parameter that chooses them."""
    phases = phases_of(spec.spec.workload)
    if phases and spec.spec.workload.recipe != "sft":
        message = "only the built-in recipe sft trains in phases"
        return [Fault(AT, shorten(spec.spec.workload.recipe), message, "Write recipe: sft.")]
    if not phases:
        return _no_phases(spec)
    faults = [*_first(spec), *_own_data(spec), *length_faults(spec)]
    for index, phase in enumerate(phases):
        for name in OF_A_PHASE:
            parameter = of_phase(name, index + 1)
            # A spec that was stored has every default written out.
            written = getattr(phase, name) not in ((None, 0.0) if name == "replay" else (None,))
            if written and parameter in spec.spec.parameters.names:
                message = f"the parameter {parameter} says the same thing"
                value = shorten(getattr(phase, name))
                mend = "Keep one of the two."
                faults.append(Fault(f"{AT}/{index}/{name}", value, message, mend))
    return faults


def unread_faults(spec: SweepSpec, cells: list[Params]) -> list[Fault]:
    """Parameters that some of these cells hold and none of their phases reads."""
    workload, faults = spec.spec.workload, list[Fault]()
    if not phases_of(workload):
        return []
    phased = [cell for cell in cells if strategy_of(workload, cell) == PHASED]
    for name in spec.spec.parameters.names:
        stacked = any(name in c for c in cells if strategy_of(workload, c) != PHASED)
        if _OF_PHASE.match(name) and stacked:
            message = "only phased trials read it, and some are stacked"
            mend = f"Add to {name}: when: {{strategy: phased}}."
            faults.append(Fault(pointer(["spec", "parameters", name]), name, message, mend))
    if len(phased) == len(cells):
        faults += _overruled(spec, phased)
    return faults


def _no_phases(spec: SweepSpec) -> list[Fault]:
    data, faults = spec.spec.workload.data, list[Fault]()
    if spec.spec.workload.recipe != "sft":
        return []  # its `strategy` is a word of its own
    if data is not None and data.train is None:
        mend = "Write train: data/train.jsonl, or phases that name their data."
        message = "there is nothing to train on"
        faults.append(Fault("/spec/workload/data/train", "nothing", message, mend))
    for place, value in _strategies(spec):
        if value == PHASED:
            mend = "Write spec.workload.strategy: {phased: [{data: ...}, {data: ...}]}."
            faults.append(Fault(place, PHASED, "the workload names no phases", mend))
    return faults


def _strategies(spec: SweepSpec) -> Iterator[tuple[str, object]]:
    """Every value of the parameter `strategy`, with its place."""
    space = spec.spec.parameters
    axis = space.axes.get("strategy")
    for index, value in enumerate(axis.values if isinstance(axis, Choice) else ()):
        alone = isinstance(axis, Choice) and len(axis.values) == 1
        yield f"{_PARAMETERS}/strategy" + ("" if alone else f"/values/{index}"), value
    for index, row in enumerate(space.paired):
        if "strategy" in row:
            yield f"{_PARAMETERS}/paired/{index}/strategy", row["strategy"]


def _first(spec: SweepSpec) -> list[Fault]:
    replay = phases_of(spec.spec.workload)[0].replay
    if not replay:
        return []
    message = "there is no phase before the first whose data could be replayed"
    return [Fault(f"{AT}/0/replay", shorten(replay), message, "Take it out.")]


def _own_data(spec: SweepSpec) -> list[Fault]:
    data = spec.spec.workload.data
    if not isinstance(spec.spec.workload.strategy, Phased) or data is None or data.train is None:
        return []
    message = "the phases name their own data, and stacked trials take all of it"
    mend = "Take it out, or make it the data of a phase."
    return [Fault("/spec/workload/data/train", shorten(data.train), message, mend)]


def _overruled(spec: SweepSpec, cells: list[Params]) -> list[Fault]:
    """Values that vary for all phases although every phase has one of its own."""
    phases, faults = phases_of(spec.spec.workload), list[Fault]()
    for name in ("global_batch_size", "learning_rate", "warmup_steps"):
        own = all(
            getattr(phase, name) is not None or all(of_phase(name, number) in c for c in cells)
            for number, phase in enumerate(phases, 1)
        )
        if own and len({cell.get(name) for cell in cells}) > 1:
            message = f"every phase has a {name} of its own, so no trial reads this one"
            mend = f"Keep one value ({name}: {{value: ...}}), or take it out of a phase."
            faults.append(Fault(pointer(["spec", "parameters", name]), name, message, mend))
    return faults
