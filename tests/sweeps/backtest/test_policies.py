from __future__ import annotations

import pytest

from sweeps.backtest.policies import ABLATIONS, OURS, names, peers, policy
from sweeps.pruners import PRUNERS


def test_every_pruner_of_a_spec_can_be_asked_for() -> None:
    assert set(PRUNERS) <= set(names())
    for name in PRUNERS:
        assert policy(name, 0.1, 0.0).pruning["type"] == name


def test_the_peers_are_all_there() -> None:
    wanted = {"random_half", "better_half", "median", "successive_halving", "asha_stopping"}
    wanted |= {"asha_promotion", "hyperband", "recipe", "never"}
    assert wanted | (set(ABLATIONS) if OURS in PRUNERS else set()) == set(peers(0.1))


def test_ours_has_the_risk_and_audit_that_were_asked_for() -> None:
    ours = policy(OURS, 0.2, 0.05)
    assert ours.pruning == {"type": OURS, "risk": 0.2, "audit": 0.05}
    assert ours.by_final
    with pytest.raises(KeyError):
        policy("nobody", 0.1, 0.0)
