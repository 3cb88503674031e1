from __future__ import annotations

import numpy as np
import pytest

from sweeps.pruners.early_dynamics.prior import Past, learn, regressed, shipped

RISING = np.arange(10.0)


def past(problem: str, metric: np.ndarray, **more: np.ndarray) -> Past:
    return Past(problem, {"metric": metric, **more}, RISING)


def test_a_signal_that_foretells_gets_weight_and_a_reversed_one_the_opposite() -> None:
    assert learn([past("a", RISING)]).of(["metric"]).mean[0] > 0.7
    assert learn([past("a", -RISING)]).of(["metric"]).mean[0] < -0.7


def test_every_problem_counts_once_however_often_it_was_swept() -> None:
    often = [past("a", RISING)] * 9 + [past("b", -RISING)]
    assert learn(often).of(["metric"]).mean[0] == pytest.approx(0.0, abs=1e-3)


def test_only_ranks_count() -> None:
    plain, bent = learn([past("a", RISING)]), learn([past("a", np.exp(RISING))])
    assert plain == bent


def test_too_few_trials_teach_nothing() -> None:
    few = Past("a", {"metric": RISING[:4]}, RISING[:4])
    assert regressed(few, ["metric"]) is None
    with pytest.raises(ValueError, match="at least"):
        learn([few])


def test_unknown_signals_have_no_sign() -> None:
    found = learn([past("a", RISING)]).of(["grad_norm"])
    assert found.mean == [0.0]
    assert found.signals == ["grad_norm"]


def test_the_shipped_prior_finds_the_metric_strongest() -> None:
    prior = shipped()
    assert prior.problems > 10
    three = prior.of(["grad_norm", "loss", "metric"])
    assert three.signals == ["metric", "loss", "grad_norm"]
    assert three.mean[0] > max(three.mean[1:])
