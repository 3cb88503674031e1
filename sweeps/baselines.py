"""The rows that stand beside every search: the base model untouched, and a fixed strong preset.

Both are asked before the search, in this order, and are no part of it.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

from sweeps import presets
from sweeps.cells import devices_of, refusal
from sweeps.journal import Asked, Story
from sweeps.phases import phases_of
from sweeps.points import STACKED
from sweeps.space import grid
from sweeps.spec import SweepSpec, parse_text
from sweeps.trial import Params, Role

# What the built-in recipes can do beside training a configuration: `Recipe.rows` says it too, but
# the service plans without importing a recipe. BASE: evaluate the model untrained. PRESET: read the
# parameters of the shipped presets.
BUILT_IN: dict[str, tuple[Role, ...]] = {"sft": (Role.BASE, Role.PRESET)}
# A training loss and a gradient norm are not there where nothing is trained.
_OF_TRAINING = ("loss", "grad_norm")


@cache
def preset_params(name: str) -> Params:
    """The configuration that a preset is named for: the first cell of its grid."""
    return next(iter(grid(parse_text(presets.load(name)).spec.parameters)))


def wanted(spec: SweepSpec, rows: Sequence[Role], horizon: int | None) -> list[tuple[Role, Params]]:
    """The rows that this sweep has, given those its recipe can (`rows`): role and parameters.

    There is no base row when the metric is one of training, unless `max_drop` needs it, and no
    preset row when the preset cannot run at this horizon (`refused_preset`).
    """
    asked, found = spec.spec.baselines, list[tuple[Role, Params]]()
    needed = spec.spec.metric.max_drop or spec.spec.metric.name not in _OF_TRAINING
    if asked.base is not False and Role.BASE in rows and needed:
        found.append((Role.BASE, {}))
    if asked.preset is not None and Role.PRESET in rows and not refused_preset(spec, horizon):
        params = preset_params(asked.preset)
        # Its numbers are those of a stacked training; phases would set some of their own.
        stacked: Params = {"strategy": STACKED} if phases_of(spec.spec.workload) else {}
        found.append((Role.PRESET, {**params, **stacked}))
    return found


def refused_preset(spec: SweepSpec, horizon: int | None) -> str | None:
    """Why the preset cannot run in this sweep; None when it can, or when there is none."""
    name = spec.spec.baselines.preset
    return refusal(preset_params(name), horizon, devices_of(spec)) if name is not None else None


def baseline(spec: SweepSpec, story: Story) -> Asked | None:
    """The next row to ask; None once all are asked. A journal from before there were such rows
    asks none: its `prepared` entry names no row that the recipe can."""
    prepared = story.prepared
    if prepared is None or not prepared.rows:
        return None
    there = {record.trial.role for record in story.trials.values()}
    for role, params in wanted(spec, prepared.rows, prepared.horizon_samples):
        if role not in there:
            number = len(story.trials)
            return Asked(trial=number, params=dict(params), role=role, seed=spec.spec.seed)
    return None
