from __future__ import annotations

import math

import numpy as np
import optuna
import pytest

from benchmarks.pruners.clock import Told, Track, play
from benchmarks.pruners.optuna_side import OPTUNA, OptunaSide

POINTS = 12


def runs(seed: int, count: int = 15) -> list[list[float]]:
    """Noisy runs that rise to levels of their own."""
    draw = np.random.default_rng(seed)
    steps = np.arange(1, POINTS + 1) / POINTS
    return [
        (level * steps + 0.1 * draw.standard_normal(POINTS)).tolist()
        for level in draw.uniform(0, 1, count)
    ]


def track(values: list[float]) -> Track:
    return tuple(Told(p, p * 10, v, p == POINTS) for p, v in enumerate(values, start=1))


def optimized(name: str, curves: list[list[float]]) -> list[tuple[str, int]]:
    """What Optuna's own loop makes of them: the state and the last step of each trial."""
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    study = optuna.create_study(study_name="s", direction="maximize", pruner=OPTUNA[name](POINTS))

    def objective(trial: optuna.Trial) -> float:
        curve = curves[trial.number]
        for step, value in enumerate(curve, start=1):
            trial.report(value, step)
            if step < POINTS and trial.should_prune():
                raise optuna.TrialPruned
        return curve[-1]

    study.optimize(objective, n_trials=len(curves))
    return [(trial.state.name, trial.last_step or 0) for trial in study.trials]


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", OPTUNA)
def test_it_prunes_what_optuna_would(name: str) -> None:
    """On one slot, trial by trial and step by step."""
    curves = runs(1)
    side = OptunaSide(OPTUNA[name](POINTS), "maximize", len(curves), "s")
    played = play([track(curve) for curve in curves], side, slots=1)
    asked = optimized(name, curves)
    assert [samples // 10 for samples in played.samples] == [step for _, step in asked]
    complete = [number for number, (state, _) in enumerate(asked) if state == "COMPLETE"]
    assert sorted(played.finished) == complete


def test_the_goal_is_that_of_the_metric() -> None:
    rising = [[0.1 * n] * POINTS for n in range(8)]
    kept = {}
    for goal in ("minimize", "maximize"):
        side = OptunaSide(OPTUNA["optuna median"](POINTS), goal, 8, "s")
        kept[goal] = play([track(curve) for curve in rising], side, slots=1).finished
    assert set(kept["minimize"]) == {0, 1, 2, 3, 4}
    assert set(kept["maximize"]) == set(range(8))


def test_a_run_that_ends_with_nan_has_failed() -> None:
    side = OptunaSide(OPTUNA["optuna median"](POINTS), "maximize", 1, "s")
    play([track([0.1] * (POINTS - 1) + [math.nan])], side, slots=1)
    assert side.study.trials[0].state.name == "FAIL"


def test_a_point_without_a_value_is_not_told() -> None:
    told = (Told(1, 10, None), Told(2, 20, 0.5, last=True))
    side = OptunaSide(OPTUNA["optuna halving"](POINTS), "maximize", 1, "s")
    play([told], side, slots=1)
    assert side.study.trials[0].intermediate_values == {2: 0.5}
