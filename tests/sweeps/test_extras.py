from __future__ import annotations

from typing import Any

import pytest
from stories import make_spec

from sweeps.costs import Measured
from sweeps.planning import plan
from sweeps.trial import Role


def listed(**spec: Any) -> list[tuple[Role, int, int | None]]:
    return [(one.role, one.runs, one.samples) for one in plan(make_spec(**spec)).extra]


def test_base_and_preset_stand_beside_every_search() -> None:
    """Eight steps of 128 cross the horizon of 1,000."""
    assert listed() == [(Role.BASE, 1, 0), (Role.PRESET, 1, 1024)]
    assert listed(baselines={"base": False, "preset": None}) == []
    assert plan(make_spec()).trials == 6
    assert plan(make_spec()).total_samples == 6000


def test_confirmation_runs_are_counted() -> None:
    off = {"base": False, "preset": None}
    confirm = {"top": 3, "seeds": 2}
    assert listed(baselines=off, confirm=confirm) == [(Role.CONFIRM, 6, 6000)]
    assert listed(baselines=off, confirm={"top": 99, "seeds": 2}) == [(Role.CONFIRM, 12, 12000)]


def test_an_unknown_horizon_is_an_unknown_cost() -> None:
    confirm = {"top": 1, "seeds": 2}
    found = listed(horizon={"epochs": 2}, confirm=confirm)
    assert found == [(Role.BASE, 1, 0), (Role.PRESET, 1, None), (Role.CONFIRM, 2, None)]


def test_hours_come_from_what_was_measured() -> None:
    seen = Measured(samples_per_second=1.0, params={}, devices=2)
    base, preset, confirm = plan(make_spec(confirm={"top": 1, "seeds": 3}), [seen]).extra
    assert base.trial_hours is None
    assert preset.trial_hours is not None
    assert preset.trial_hours.middle == pytest.approx(1024 / 3600)
    assert preset.gpu_hours is not None
    assert preset.gpu_hours.middle == pytest.approx(2 * 1024 / 3600)
    assert confirm.trial_hours is not None
    assert confirm.trial_hours.middle == pytest.approx(3 * 1000 / 3600)


def test_what_a_plan_leaves_out_it_says() -> None:
    short = plan(make_spec(horizon={"samples": 100}))
    assert [one.role for one in short.extra] == [Role.BASE]
    assert any("No row of the preset tulu2: a warmup of 1" in note for note in short.notes)


def test_of_an_operator_s_recipe_only_its_workers_know() -> None:
    workload = {"recipe": "mine"}
    found = plan(make_spec(workload=workload))
    assert found.extra == []
    assert any("only its workers know" in note for note in found.notes)
    none = plan(make_spec(workload=workload, baselines={"base": False}))
    assert not any("only its workers know" in note for note in none.notes)
