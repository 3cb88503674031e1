from __future__ import annotations

from functools import partial
from pathlib import Path

import pytest
from flat_sweeps import flat_group

from sweeps.backtest.priors import NothingToLearnError, kin, left_out
from sweeps.simulator.recorded import Group


def group(folder: Path, workload: str, sign: float) -> Group:
    """The metric along the way tells the final, or its opposite."""
    finals = [float(n * 3 % 8) for n in range(8)]
    metrics = [3.5 + sign * (final - 3.5) for final in finals]
    return flat_group(folder / workload, finals, metrics=metrics, workload=workload, group=workload)


def test_no_group_teaches_what_it_is_scored_on(tmp_path: Path) -> None:
    straight, turned = group(tmp_path, "a", 1.0), group(tmp_path, "b", -1.0)
    make = left_out([straight, turned], [straight, turned], 20)
    learned = {}
    for one in (straight, turned):
        found = make(one)
        assert isinstance(found, partial)
        learned[one.name] = found.keywords["prior"].of(["metric"]).mean[0]
    # Each has the sign of the other.
    assert learned["a"] < -0.5
    assert learned["b"] > 0.5


def test_kin_is_left_out_too(tmp_path: Path) -> None:
    one, like, other = (group(tmp_path, name, 1.0) for name in ("a_x", "a_y", "b"))
    make = left_out([one], [one, like, other], 20)(one)
    assert isinstance(make, partial)
    assert make.keywords["prior"].problems == 1
    with pytest.raises(NothingToLearnError, match="nothing to learn from for a_x"):
        left_out([one], [one, like], 20)


def test_the_first_word_makes_kin() -> None:
    assert kin("fastmri", "fastmri_tanh")
    assert kin("cifar10_vgg16", "cifar10_resnet20")
    assert not kin("cifar10_vgg16", "cifar100_resnet110")
