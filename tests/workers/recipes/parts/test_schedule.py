from __future__ import annotations

import math

import pytest

from sweeps.points import run_plan
from sweeps.sft_parameters import SCHEDULERS
from sweeps.trial import Params
from workers.recipes.parts.schedule import learning_rates


def rates(steps: int = 10, **params: float | str) -> list[float]:
    asked: Params = {"learning_rate": 2.0, **params}
    plan = run_plan(asked, steps, 1)
    rate = learning_rates(asked, plan)
    return [rate(step) for step in range(plan.steps)]


def test_constant_is_the_default() -> None:
    assert rates() == [2.0] * 10
    assert rates(lr_scheduler_type="constant") == [2.0] * 10


def test_warmup_rises_from_zero_in_every_shape() -> None:
    for name in SCHEDULERS:
        assert rates(lr_scheduler_type=name, warmup_steps=4)[:5] == [0.0, 0.5, 1.0, 1.5, 2.0], name
    assert rates(warmup_steps=4)[5:] == [2.0] * 5
    assert rates(warmup_ratio=0.4) == rates(warmup_steps=4)


def test_linear_and_cosine_span_the_whole_run() -> None:
    assert rates(lr_scheduler_type="linear") == pytest.approx([2 - 0.2 * s for s in range(10)])
    cosine = [1 + math.cos(math.pi * s / 10) for s in range(10)]
    assert rates(lr_scheduler_type="cosine") == pytest.approx(cosine)


def test_wsd_is_flat_until_its_decay() -> None:
    found = rates(20, lr_scheduler_type="warmup_stable_decay", warmup_steps=2, decay_ratio=0.25)
    assert found[:3] == [0.0, 1.0, 2.0]
    assert found[3:16] == [2.0] * 13
    decay = [1 + math.cos(math.pi * s / 5) for s in range(5)]
    assert found[15:] == pytest.approx(decay)
    floor = rates(20, lr_scheduler_type="warmup_stable_decay", decay_ratio=1.0, min_lr_ratio=0.5)
    assert floor[-1] == pytest.approx(1 + (1 + math.cos(math.pi * 19 / 20)) / 2)
    assert rates(20, lr_scheduler_type="warmup_stable_decay")[18:] == pytest.approx([2.0, 1.0])


def test_wsd_leaves_the_warmup_its_steps() -> None:
    found = rates(lr_scheduler_type="warmup_stable_decay", warmup_steps=6, decay_ratio=0.9)
    assert found[:7] == pytest.approx([s / 3 for s in range(7)])
    assert found[7:] == pytest.approx([1 + math.cos(math.pi * s / 4) for s in (1, 2, 3)])


def test_a_rate_depends_on_its_step_alone() -> None:
    params: Params = {"learning_rate": 1.0, "lr_scheduler_type": "cosine", "warmup_steps": 2}
    rate = learning_rates(params, run_plan(params, 10, 1))
    late = rate(7)
    assert [rate(3), rate(9), rate(7)][2] == late
