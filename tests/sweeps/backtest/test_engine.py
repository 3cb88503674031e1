from __future__ import annotations

from pathlib import Path

import pytest
from flat_sweeps import HORIZON, flat_group

from sweeps.backtest.engine import Policy, Settings, orders, run, run_all, sweep, tellers
from sweeps.backtest.policies import names, policy
from sweeps.journal import Asked, Reported
from sweeps.pruners.never import NeverPruner
from sweeps.simulator.recorded import Group
from sweeps.simulator.refold import refold
from sweeps.simulator.simulate import simulate
from sweeps.simulator.told import Teller
from sweeps.spec import Metric


@pytest.fixture
def group(tmp_path: Path) -> Group:
    return flat_group(tmp_path, [float(n) for n in range(9)])


def test_every_order_is_another_one_of_the_same_trials(group: Group) -> None:
    found = [[row["config_id"] for row in rows] for rows in orders(group, Settings(orders=4))]
    assert len(found) == 4
    assert len({tuple(rows) for rows in found}) == 4
    assert all(sorted(rows) == [f"c{n:02}" for n in range(9)] for rows in found)
    again = [[row["config_id"] for row in rows] for rows in orders(group, Settings(orders=2))]
    assert again == found[:2]
    other = [[row["config_id"] for row in rows] for rows in orders(group, Settings(seed=1))]
    assert other[0] != found[0]


def test_never_runs_everything(group: Group) -> None:
    outcomes = run([group], Policy(), Settings(slots=4, orders=3))
    assert [outcome.order for outcome in outcomes] == [0, 1, 2]
    for outcome in outcomes:
        assert (outcome.compute, outcome.regret, outcome.time_to_result) == (1, 0, 1)
        assert outcome.best_kept
        assert outcome.finished == 9


@pytest.mark.parametrize("name", names())
def test_the_journal_is_that_of_a_simulation_and_of_a_live_sweep(group: Group, name: str) -> None:
    tried, settings = policy(name, 0.1, 0.0), Settings(slots=4, points=9)
    rows = next(orders(group, settings))
    driven = sweep(Teller(group), tried, settings, rows)
    spec = tried.spec(group, 9, rows)
    simulated = simulate(spec, group, slots=4, make=tried.make)
    assert driven.entries == simulated.entries
    assert driven.story == simulated.story
    asked = [one.body.params for one in driven.entries if isinstance(one.body, Asked)]
    assert asked == rows[: len(asked)]
    if tried.make is Policy().make:
        assert refold(spec, driven.entries) == []


def test_reports_are_made_once(group: Group) -> None:
    (teller,) = tellers([group])
    first, second = (sweep(teller, Policy(), Settings()) for _ in range(2))
    reports = [
        [one.body.report for one in driven.entries if isinstance(one.body, Reported)]
        for driven in (first, second)
    ]
    assert all(a is b for a, b in zip(*reports, strict=True))


def test_our_sweep_is_judged_by_its_final_and_watches_the_metric(group: Group) -> None:
    tried = Policy(pruning={"type": "early_dynamics", "risk": 0.2}, by_final=True)
    spec = tried.spec(group, 20).spec
    assert spec.metric == Metric(name="final_metric", goal="minimize")
    assert spec.pruning.model_dump()["watch"] == {"name": "eval_metric", "goal": "minimize"}
    driven = sweep(Teller(group), Policy(NeverPruner, by_final=True), Settings(points=4))
    told = [r.metrics for r in driven.story.trials[0].reports.values()]
    assert [sorted(metrics) for metrics in told] == [
        *[["eval_metric"]] * 3,
        ["eval_metric", "final_metric"],
    ]


def test_fewer_trials_may_be_asked(group: Group) -> None:
    (outcome,) = run([group], Policy(trials=lambda n: n // 2), Settings(orders=1))
    assert outcome.finished == 4
    assert outcome.trials == 9
    assert outcome.compute == 4 / 9


def test_a_broken_run_is_spared_by_the_guards(tmp_path: Path) -> None:
    metrics = [0.0, 1.0, 2.0, float("nan"), 4.0]
    group = flat_group(tmp_path, [0.0, 1.0, 2.0, 3.0, 4.0], metrics=metrics)
    (outcome,) = run([group], Policy(), Settings(orders=1))
    assert outcome.finished == 4
    assert outcome.compute == (4 * HORIZON + 1) / (5 * HORIZON)


def test_jobs_change_nothing(tmp_path: Path) -> None:
    groups = [
        flat_group(tmp_path / str(n), [float(k) for k in range(5 + n)], group=f"g{n}")
        for n in range(3)
    ]

    def policies(group: Group) -> dict[str, Policy]:
        return {name: policy(name, 0.1, 0.0) for name in ("median", "random_half")}

    one = run_all(groups, policies, Settings(orders=2))
    assert run_all(groups, policies, Settings(orders=2, jobs=2)) == one
    assert list(one) == ["median", "random_half"]
    assert [outcome.group for outcome in one["median"]] == ["g0", "g0", "g1", "g1", "g2", "g2"]
