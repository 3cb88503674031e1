"""The cohort: which trials of a sweep may be compared with each other."""

from __future__ import annotations

import re

from sweeps.journal import Story
from sweeps.spec import SweepSpec
from sweeps.trial import Params, ParamValue, Role, Trial, TrialRecord

# Below this many members, the trial included, only the guards judge.
MIN_MEMBERS = 4

# Parameters that change what a loss or a metric means along the run. Everything else that a cohort
# must share (loss definition, horizon, evaluation set) is one for the whole sweep.
SHARED = (
    "lr_scheduler_type",
    "decay_ratio",
    "min_lr_ratio",
    "model",
    "data",
    "max_length",
)

# The same for parameters of the built-in recipe alone: in another recipe these names are its own.
# A stacked and a phased run see other data at the same point, so what they say there is not
# compared; their finals are, in the ranking. The gradient of an adapter is another one than that of
# the model's own weights.
_OF_SFT = ("strategy", "curriculum", "adapter")
# How much of the data of earlier phases a phase mixes in.
_REPLAY = re.compile(r"phase\d+_replay\Z")

Key = tuple[tuple[str, ParamValue], ...]


def cohort_key(params: Params, device_kind: str, recipe: str) -> Key:
    """What the members of a cohort have in common; an absent parameter is no value of its own."""
    sft = recipe == "sft"
    names = (*_OF_SFT, *SHARED) if sft else SHARED
    shared = [(name, _same(params[name])) for name in names if name in params]
    shared += [(name, params[name]) for name in sorted(params) if sft and _REPLAY.match(name)]
    return (("device_kind", device_kind), *shared)


def batches(params: Params) -> Key:
    """The global batch sizes of a run, of its phases too: what trials must share for their gradient
    norms to be compared. A larger batch lowers the norm by itself."""
    return tuple(pair for pair in sorted(params.items()) if pair[0].endswith("global_batch_size"))


def _same(value: ParamValue) -> ParamValue:
    """`constant` with a warmup is what transformers calls `constant_with_warmup`."""
    return "constant" if value == "constant_with_warmup" else value


def key_of(spec: SweepSpec, story: Story, trial: Trial) -> Key:
    """The key of a trial's cohort in this sweep."""
    device_kind = story.prepared.device_kind if story.prepared else ""
    return cohort_key(trial.params, device_kind, spec.spec.workload.recipe)


def cohort(spec: SweepSpec, story: Story, trial: Trial) -> list[TrialRecord]:
    """The other search trials that `trial` may be compared with, by number. Empty for a trial of
    another role."""
    if trial.role is not Role.SEARCH:
        return []
    key = key_of(spec, story, trial)
    return [
        record
        for number, record in sorted(story.trials.items())
        if number != trial.number
        and record.trial.role is Role.SEARCH
        and key_of(spec, story, record.trial) == key
    ]
