"""All policies on the groups of a data set: early_dynamics at several risks, peers, others."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from benchmarks.pruners import others
from benchmarks.pruners.robust import VARIANTS, against_chance
from benchmarks.pruners.targets import ABLATION, OURS, PEER, Point
from sweeps.backtest import priors
from sweeps.backtest.engine import Policy, Settings, run_all, tellers
from sweeps.backtest.policies import ABLATIONS, peers, policy
from sweeps.backtest.policies import OURS as NAME
from sweeps.backtest.scoring import Outcome
from sweeps.backtest.summary import summarise
from sweeps.backtest.table import shipped
from sweeps.pruners import PRUNERS
from sweeps.simulator.recorded import Group
from sweeps.simulator.simulate import Make
from sweeps.simulator.told import Teller

# The maker of early_dynamics for a group: with a prior that was learned on other problems.
MakeFor = Callable[[Group], Make]
RISKS, DEFAULT_RISK = (0.5, 0.3, 0.2, 0.1, 0.05), 0.1
# They stand in the table, and are no pruner that anybody is offered.
_BOUNDS = ("never", "random_half")
_SAME = "same code as ours"


def left_out(groups: Sequence[Group], past: Sequence[Group], points: int) -> MakeFor:
    """For each of `groups`: early_dynamics with a prior learned on all other problems, of `groups`
    and of `past`; the shipped one while there are no others."""
    if NAME not in PRUNERS:
        return shipped
    try:
        return priors.left_out(groups, [*groups, *past], points)
    except priors.NothingToLearnError:
        return shipped


def measure(
    groups: Sequence[Group],
    settings: Settings,
    make: MakeFor,
    risks: Sequence[float] = RISKS,
    slow: bool = False,
) -> list[Point]:
    """One point for each policy: ours at each risk, its ablations, peers, Ray's, Optuna's."""
    known, names = tellers(groups), list(others.schedulers(slow))
    found = [*own(known, settings, make, risks)] if NAME in PRUNERS else []
    return [*found, *peer_rules(known, settings), *other_libraries(groups, settings, names)]


def own(
    groups: Sequence[Group | Teller], settings: Settings, make: MakeFor, risks: Sequence[float]
) -> list[Point]:
    """early_dynamics at each risk, and its ablations at the risk of a live sweep."""

    def policies(group: Group) -> dict[str, Policy]:
        beside = peers(DEFAULT_RISK, make(group))
        return {**_ours(make, risks)(group), **{name: beside[name] for name in ABLATIONS}}

    outcomes = run_all(groups, policies, settings)
    line = [_point(OURS, NAME, OURS, outcomes[f"{risk}"], settings, risk) for risk in risks]
    return line + [_point(OURS, n, ABLATION, outcomes[n], settings) for n in ABLATIONS]


def peer_rules(groups: Sequence[Group | Teller], settings: Settings) -> list[Point]:
    """The rules of others in the code of the backtest, and the bounds beside them."""
    named = {n: one for n, one in peers(DEFAULT_RISK).items() if n not in ABLATIONS}
    outcomes = run_all(groups, lambda group: named, settings)
    return [
        _point(_SAME, name, ABLATION if name in _BOUNDS else PEER, some, settings)
        for name, some in outcomes.items()
    ]


def other_libraries(
    groups: Sequence[Group], settings: Settings, names: Sequence[str]
) -> list[Point]:
    """Ray's and Optuna's own, those of `names`."""
    known, outcomes = others.schedulers(), others.outcomes(groups, settings, names)
    return [_point(known[name][0], name, PEER, some, settings) for name, some in outcomes.items()]


def robustness(
    groups: Sequence[Group], settings: Settings, make: MakeFor, risks: Sequence[float]
) -> dict[tuple[str, float], tuple[float, float, float]]:
    """By variant and risk: compute, survival, and that of chance at the same compute."""
    found = {}
    if NAME not in PRUNERS:
        return {}
    for variant, change in VARIANTS.items():
        changed = [change(group) for group in groups]
        outcomes = run_all(changed, _ours(make, risks), settings)
        for risk in risks:
            found[variant, risk] = against_chance(changed, outcomes[f"{risk}"], settings.tolerance)
    return found


def _ours(make: MakeFor, risks: Sequence[float]) -> Callable[[Group], dict[str, Policy]]:
    return lambda group: {f"{risk}": policy(NAME, risk, 0.0, make(group)) for risk in risks}


def _point(
    library: str,
    name: str,
    kind: str,
    outcomes: Sequence[Outcome],
    settings: Settings,
    risk: float | None = None,
) -> Point:
    row = summarise(outcomes, risk=risk or 0.0, tolerance=settings.tolerance, seed=settings.seed)
    bounds = {name: bound for name, bound in row.interval.items() if bound is not None}
    point = Point(
        library=library,
        policy=name,
        kind=kind,
        compute=row.compute,
        regret=row.regret,
        kept=row.kept_within_tolerance,
        best_kept=row.best_kept,
        time=row.time_to_result,
    )
    return replace(point, risk=risk, interval=bounds or None)
