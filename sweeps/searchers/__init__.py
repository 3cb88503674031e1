"""Searchers by name. A new one: its config in `configs.py`, its own file, one line here."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, cast

if TYPE_CHECKING:  # the spec imports this package for its configs
    from collections.abc import Sequence

    from sweeps.points import Stage
    from sweeps.searchers.base import Searcher
    from sweeps.spec import SweepSpec

SEARCHERS = {
    "grid": "sweeps.searchers.grid:GridSearcher",
    "random": "sweeps.searchers.random:RandomSearcher",
    "qmc": "sweeps.searchers.optuna_sobol:QmcSearcher",
    "tpe": "sweeps.searchers.optuna_search:TpeSearcher",
    "gp": "sweeps.searchers.optuna_search:GpSearcher",
    "cmaes": "sweeps.searchers.optuna_search:CmaesSearcher",
}


def make_searcher(spec: SweepSpec, horizon: int, stages: Sequence[Stage] = ()) -> Searcher:
    """The searcher of `spec.method` for runs of `horizon` samples, phased ones in `stages`.

    Raises SpecError when a cell of a grid cannot run at that horizon, KeyError for a method that
    `sweeps.support` refuses.
    """
    module, name = SEARCHERS[spec.spec.method.type].split(":")
    # Loaded by name: the service reads specs and must not import what only searching needs.
    return cast("Searcher", getattr(import_module(module), name)(spec, horizon, stages))
