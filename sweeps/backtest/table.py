"""The whole table: the pruner asked for at each risk, and the peers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from sweeps.backtest.engine import Policy, Settings, run_all
from sweeps.backtest.policies import OURS, peers, policy
from sweeps.backtest.summary import Backtest, peer, summarise
from sweeps.pruners import make_pruner
from sweeps.simulator.recorded import Group
from sweeps.simulator.simulate import Make


@dataclass(frozen=True)
class Asked:
    """What is to be tried: a pruner by name, at each of these risks, its audit share, the peers
    beside it or not."""

    pruner: str
    risks: tuple[float, ...] = (0.1,)
    audit: float = 0.0
    with_peers: bool = True


def shipped(group: Group) -> Make:
    """The pruner as a live sweep makes it."""
    return make_pruner


def backtest(
    groups: Sequence[Group],
    asked: Asked,
    settings: Settings,
    make: Callable[[Group], Make] = shipped,
) -> Backtest:
    """The table over `groups`, at least one of them.

    `make` gives the maker of early_dynamics for a group: with a prior that was not learned on it,
    say. The ablations among the peers run at the first of the risks. A pruner without a risk has
    the same row at each.
    """
    # By risk: what its outcomes are filed under.
    filed = {r: f"risk={r if asked.pruner == OURS else asked.risks[0]!r}" for r in asked.risks}

    def policies(group: Group) -> dict[str, Policy]:
        mine = {
            name: policy(asked.pruner, risk, asked.audit, make(group))
            for risk, name in filed.items()
        }
        beside = peers(asked.risks[0], make(group)) if asked.with_peers else {}
        return {**mine, **{name: one for name, one in beside.items() if name != asked.pruner}}

    outcomes = run_all(groups, policies, settings)
    rows = [
        summarise(outcomes[name], risk=risk, tolerance=settings.tolerance, seed=settings.seed)
        for risk, name in filed.items()
    ]
    return Backtest(
        pruner=asked.pruner,
        rows=rows,
        peers={n: peer(found) for n, found in outcomes.items() if n not in filed.values()},
        groups=len(groups),
        workloads=len({group.workload for group in groups}),
        trials=sum(len(group.runs) for group in groups),
        slots=settings.slots,
        order_seeds=settings.orders,
        points=settings.points,
        seed=settings.seed,
    )
