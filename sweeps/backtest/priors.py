"""Leave one problem out: early_dynamics with a prior that was learned on other problems alone."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from importlib import import_module

from sweeps.errors import SweepError
from sweeps.simulator.recorded import Group
from sweeps.simulator.simulate import Make

_OURS = "sweeps.pruners.early_dynamics"


class NothingToLearnError(SweepError):
    """All that there is to learn from is of the problem that is left out."""


def left_out(
    groups: Sequence[Group], learn_from: Sequence[Group], points: int
) -> Callable[[Group], Make]:
    """The maker of early_dynamics for each of `groups`: with a prior from those of `learn_from`
    that are no kin of its problem.

    Priors are learned here, once a problem. Raises NothingToLearnError.
    """
    # By name, as a sweep's pruner is: whoever only reads tables needs no scipy.
    rule, learning = import_module(_OURS), import_module("sweeps.backtest.learning")
    prior = import_module(f"{_OURS}.prior")
    past = [(group.problem, learning.past(group, points)) for group in learn_from]
    makers: dict[str, Make] = {}
    for name in sorted({group.problem for group in groups}):
        others = [one for problem, one in past if not kin(problem, name)]
        try:
            found = prior.learn(others)
        except ValueError as error:
            raise NothingToLearnError(
                f"there is nothing to learn from for {name}: {error}"
            ) from error
        makers[name] = partial(rule.EarlyDynamicsPruner, prior=found)
    return lambda group: makers[group.problem]


def kin(one: str, other: str) -> bool:
    """True for problems whose names begin with the same word: `cifar10_vgg16` and
    `cifar10_resnet20`, `fastmri` and `fastmri_tanh`. They share data, or all but a detail."""
    return one.partition("_")[0] == other.partition("_")[0]
