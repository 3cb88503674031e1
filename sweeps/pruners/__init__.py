"""Pruners by name. A new one: its config in `configs.py`, its own file, one line here."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, cast

if TYPE_CHECKING:  # the spec imports this package for its configs
    from sweeps.pruners.base import Pruner
    from sweeps.spec import SweepSpec

PRUNERS = {
    "never": "sweeps.pruners.never:NeverPruner",
    "median": "sweeps.pruners.median:MedianPruner",
    "halving": "sweeps.pruners.halving:HalvingPruner",
    "recipe": "sweeps.pruners.recipe:RecipePruner",
    "early_dynamics": "sweeps.pruners.early_dynamics:EarlyDynamicsPruner",
}


def make_pruner(spec: SweepSpec) -> Pruner:
    """The pruner of `spec.pruning`. Raises KeyError for one that `sweeps.support` refuses."""
    module, name = PRUNERS[spec.spec.pruning.type].split(":")
    # Loaded by name: the service reads specs and must not import what only pruning needs.
    return cast("Pruner", getattr(import_module(module), name)(spec))
