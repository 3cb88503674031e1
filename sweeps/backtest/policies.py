"""The policies of the table: the pruner asked for, its ablations, and the peers, by name."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from sweeps.backtest.engine import Policy
from sweeps.backtest.peers.stopping import AshaStopping
from sweeps.backtest.peers.synchronous import better_half, hyperband, successive_halving
from sweeps.pruners import PRUNERS, make_pruner
from sweeps.simulator.simulate import Make

OURS = "early_dynamics"
# The signals that each ablation of ours may look at.
ABLATIONS = {
    "metric_only": ["metric"],
    "loss_only": ["loss"],
    "grad_norm_only": ["grad_norm"],
}
_PLAIN: dict[str, Policy] = {
    "never": Policy(),
    "random_half": Policy(trials=lambda n: math.ceil(n / 2)),
    "better_half": Policy(better_half),
    "median": Policy(pruning={"type": "median"}),
    "successive_halving": Policy(successive_halving),
    "asha_stopping": Policy(AshaStopping),
    "asha_promotion": Policy(pruning={"type": "halving"}),
    "hyperband": Policy(hyperband),
    "recipe": Policy(pruning={"type": "recipe"}),
}


def policy(name: str, risk: float, audit: float, make: Make = make_pruner) -> Policy:
    """The policy of a pruner by the name that a spec gives it, or of a peer.

    `risk`, `audit` and `make` are for early_dynamics alone. Raises KeyError for an unknown name.
    """
    if name == OURS:
        return _ours(risk, audit, make)
    return _PLAIN[name] if name in _PLAIN else Policy(pruning={"type": PRUNERS[name] and name})


def peers(risk: float, make: Make = make_pruner) -> Mapping[str, Policy]:
    """All that stand beside the pruner asked for; our ablations at `risk`, without audit."""
    if OURS not in PRUNERS:
        return dict(_PLAIN)
    ablations = {
        name: _ours(risk, 0.0, make, signals=signals) for name, signals in ABLATIONS.items()
    }
    return {**_PLAIN, **ablations}


def names() -> list[str]:
    """All that `policy` knows."""
    return list(dict.fromkeys([*PRUNERS, *_PLAIN]))


def _ours(risk: float, audit: float, make: Make, **more: Any) -> Policy:
    pruning = {"type": OURS, "risk": risk, "audit": audit, **more}
    return Policy(make, pruning, by_final=True)
