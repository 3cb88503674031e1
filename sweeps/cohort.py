"""The cohort: which trials of a sweep may be compared with each other."""

from __future__ import annotations

from sweeps.journal import Story
from sweeps.trial import Params, ParamValue, Role, Trial, TrialRecord

# Below this many members, the trial included, only the guards judge.
MIN_MEMBERS = 4

# Parameters that change what a loss or a metric means along the run. Everything else that a cohort
# must share (strategy, loss definition, horizon, evaluation set) is one for the whole sweep.
SHARED = (
    "lr_scheduler_type",
    "decay_ratio",
    "min_lr_ratio",
    "model",
    "data",
    "max_length",
)

Key = tuple[tuple[str, ParamValue], ...]


def cohort_key(params: Params, device_kind: str) -> Key:
    """What the members of a cohort have in common; an absent parameter is no value of its own."""
    shared = [(name, _same(params[name])) for name in SHARED if name in params]
    return (("device_kind", device_kind), *shared)


def _same(value: ParamValue) -> ParamValue:
    """`constant` with a warmup is what transformers calls `constant_with_warmup`."""
    return "constant" if value == "constant_with_warmup" else value


def key_of(story: Story, trial: Trial) -> Key:
    """The key of a trial's cohort in this sweep."""
    return cohort_key(trial.params, story.prepared.device_kind if story.prepared else "")


def cohort(story: Story, trial: Trial) -> list[TrialRecord]:
    """The other search trials that `trial` may be compared with, by number. Empty for a trial of
    another role."""
    if trial.role is not Role.SEARCH:
        return []
    key = key_of(story, trial)
    return [
        record
        for number, record in sorted(story.trials.items())
        if number != trial.number
        and record.trial.role is Role.SEARCH
        and key_of(story, record.trial) == key
    ]
