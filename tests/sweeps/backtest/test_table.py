from __future__ import annotations

from pathlib import Path

import pytest
from flat_sweeps import flat_group

from sweeps.backtest.engine import Settings
from sweeps.backtest.policies import peers
from sweeps.backtest.table import Asked, backtest
from sweeps.simulator.recorded import Group


@pytest.fixture
def groups(tmp_path: Path) -> list[Group]:
    return [
        flat_group(tmp_path / name, [float(n * 5 % 8) for n in range(8)], group=name, workload=name)
        for name in ("one", "two")
    ]


def test_a_row_a_risk_and_the_peers_beside(groups: list[Group]) -> None:
    found = backtest(groups, Asked("median", (0.2, 0.1)), Settings(orders=2))
    assert [row.risk for row in found.rows] == [0.2, 0.1]
    # Median has no risk.
    assert found.rows[0].model_copy(update={"risk": 0.1}) == found.rows[1]
    assert sorted(found.peers) == sorted(set(peers(0.1)) - {"median"})
    assert (found.groups, found.workloads, found.trials) == (2, 2, 16)
    assert found.peers["never"].compute == 1
    assert found.peers["random_half"].compute == 0.5
    assert found.peers["random_half"].random_kept == 0.5
    assert found.peers["better_half"].compute == pytest.approx((4 * 90 + 4 * 9) / 720)
    assert found.peers["better_half"].regret == 0


def test_a_peer_may_be_the_one_asked_for(groups: list[Group]) -> None:
    found = backtest(groups, Asked("hyperband", with_peers=False), Settings(orders=1))
    assert found.peers == {}
    assert 0 < found.rows[0].compute < 1


def test_an_unknown_pruner_is_a_key_error(groups: list[Group]) -> None:
    with pytest.raises(KeyError):
        backtest(groups, Asked("nobody"), Settings(orders=1))
