from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from stories import Script, make_report, make_spec

from sweeps.advice import recommendation, recommended, winner
from sweeps.confirming import confirmation, finalists
from sweeps.contest import RATE
from sweeps.ranking import Ranked, rank
from sweeps.result import Result, make_result
from sweeps.trial import Role

SPEC = make_spec()


def rows(script: Script, **spec: Any) -> list[Ranked]:
    return rank(make_spec(**spec), list(script.story.trials.values()))


def advice(script: Script) -> str:
    return recommendation(SPEC, rows(script), "Nothing ran.")


def repeated(*groups: tuple[float, ...], seconds: dict[int, float] | None = None) -> Script:
    """Configurations confirmed with these finals; the search found them in this order."""
    script = Script()
    for number in range(len(groups)):
        script.run(number / 1000, learning_rate=0.1 * (number + 1))
    for number, finals in enumerate(groups):
        for value in finals:
            run = script.ask(role=Role.CONFIRM, learning_rate=0.1 * (number + 1))
            script.say(run, make_report(10, value))
            script.end(run, seconds=(seconds or {}).get(number, 10.0))
    return script


def test_a_winner_is_better_than_every_one_that_was_repeated_with_it() -> None:
    script = repeated((1.0, 1.1, 0.9), (5.0, 5.1, 4.9), (3.0, 3.1, 2.9))
    found = rows(script)
    first = winner(found)
    assert first is not None
    assert first.trial == 0
    text = advice(script)
    assert text.startswith("Trial 0 is best: eval_loss 1 (standard error 0.058 over 3 runs)")
    assert "It differs from each of the 2 compared with it, at a rate of 0.05." in text


def test_the_means_decide_and_not_the_runs_of_the_search() -> None:
    found = rows(repeated((5.0, 5.1, 4.9), (1.0, 1.1, 0.9)))
    assert [(row.trial, row.final, row.rank) for row in found] == [(1, 0.001, 1), (0, 0.0, 2)]


def test_ties_are_ties_and_the_quickest_of_those_within_an_error_is_recommended() -> None:
    groups = ((1.0, 1.5, 2.0), (1.1, 1.6, 2.1), (2.0, 2.5, 3.0))
    script = repeated(*groups, seconds={0: 50.0, 1: 20.0, 2: 1.0})
    found = rows(script)
    assert [row.rank for row in found] == [1, 1, 1]
    assert winner(found) is None
    taken = recommended(found)
    assert taken is not None
    # Trial 2 is quickest, but its mean is two standard errors away.
    assert taken.trial == 1
    text = advice(script)
    assert "is best" not in text
    assert "Trials 0, 1 and 2 cannot be told apart." in text
    assert "Trials 0 and 1 lie within one standard error of it; the quickest is trial 1" in text


def test_one_that_broke_on_another_seed_is_taken_only_when_all_did() -> None:
    script = repeated((1.0, 1.5, 2.0), (1.1, 1.6, 2.1), seconds={0: 1.0, 1: 50.0})
    found = rows(script)
    assert recommended(found) == found[0]
    broken = [found[0].model_copy(update={"broken": 1}), found[1]]
    assert recommended(broken) == found[1]
    both = [row.model_copy(update={"broken": 1}) for row in found]
    assert recommended(both) == both[0]


def test_before_all_runs_are_over_nobody_has_won() -> None:
    found = rows(repeated((1.0, 1.1, 0.9), (5.0, 5.1, 4.9)))
    assert "is best" not in recommendation(SPEC, found, None, settled=False)
    confirm = make_spec(confirm={"top": 2, "seeds": 3})
    text = recommendation(confirm, found, None, settled=False)
    assert "is best" not in text
    assert text.endswith("Not all confirmation runs are over.")


def test_a_single_finalist_has_nobody_to_beat() -> None:
    script = repeated((1.0, 1.1, 0.9))
    script.run(0.5, learning_rate=0.9)
    found = rows(script)
    assert [(row.trial, row.basis, row.rank) for row in found] == [
        (0, "confirm", 1), (4, "single", 2),
    ]  # fmt: skip
    assert winner(found) is None
    assert "Trial 0 was chosen from 2 and is the only one confirmed" in advice(script)


def test_of_single_runs_without_an_error_the_best_value_is_told_and_no_more() -> None:
    script = Script()
    script.run(2.0)
    script.run(1.5, learning_rate=2e-05)
    text = advice(script)
    assert text == (
        "Trial 1 has the best eval_loss of 2 single runs, 1.5, no error bar: "
        "global_batch_size: 10, learning_rate: 2e-05."
    )
    taken = recommended(rows(script))
    assert taken is not None
    assert taken.trial == 1


def test_the_evaluation_s_error_makes_no_winner_of_a_single_run() -> None:
    script = Script()
    script.run(9.0, error=0.25)
    script.run(1.5, error=0.25)
    assert [row.rank for row in rows(script)] == [1, 2]
    assert winner(rows(script)) is None
    text = advice(script)
    assert "1.5 (standard error 0.25 of the evaluation)" in text
    assert "single runs do not show the seed's" in text
    assert "is best" not in text


def test_single_runs_within_the_evaluation_s_error_are_tied() -> None:
    script = Script()
    for value, seconds in ((1.0, 50.0), (1.25, 20.0), (1.75, 1.0), (9.0, 1.0)):
        trial = script.run(value, error=0.5)
        script.story.trials[trial].attempts[-1].seconds = seconds
    text = advice(script)
    assert "Trials 0, 1 and 2 cannot be told apart." in text
    assert (
        "Trials 0 and 1 lie within one standard error of it; the quickest is trial 1, 20 s" in text
    )


def test_equal_values_are_called_equal() -> None:
    script = Script()
    for _ in range(3):
        script.run(1.0)
    assert "Trials 0, 1 and 2 equal it; the quickest is trial 0, 10 s" in advice(script)


def test_runs_that_the_seed_does_not_change_have_no_error_bar() -> None:
    script = repeated((1.0, 1.0, 1.0), (5.0, 5.0, 5.0))
    assert winner(rows(script)) is None
    assert "1 over 3 runs, no error bar" in advice(script)


def test_the_only_one_that_finished() -> None:
    script = Script()
    script.run(2.0)
    assert advice(script).startswith("Trial 0 is the only one that finished, with eval_loss 2, no")


def test_without_any_there_is_no_recommendation() -> None:
    assert advice(Script()) == "No recommendation. Nothing ran."
    assert winner([]) is recommended([]) is None


class Null:
    """Sweeps of configurations that are all alike: each run measures 1 and noise."""

    def __init__(self, seed: int, noise: float = 0.1) -> None:
        self._rng, self._noise = np.random.default_rng(seed), noise

    def value(self, worse: float = 0.0) -> float:
        return float(1 + worse + self._noise * self._rng.standard_normal())

    def swept(self, trials: int, error: float | None = None, worse: int = 0, **spec: Any) -> Result:
        """The result of one such sweep; the last `worse` configurations really are worse."""
        script, whole = Script(), make_spec(**spec)
        lag = {0.1 + n: 9.0 if n >= trials - worse else 0.0 for n in range(trials)}
        for rate, far in lag.items():
            script.run(self.value(far), error=error, learning_rate=rate)
        while (asked := confirmation(whole, script.story)) is not None:
            script.add(asked)
            script.start(asked.trial)
            far = lag[float(asked.params["learning_rate"])]
            script.say(asked.trial, make_report(10, self.value(far)))
            script.end(asked.trial)
        return make_result(whole, script.story)


@pytest.mark.parametrize(
    ("trials", "top", "seeds", "worse"),
    [(2, 2, 2, 0), (2, 2, 3, 0), (3, 3, 3, 0), (8, 3, 3, 0), (8, 5, 2, 0), (4, 3, 3, 2)],
)
def test_a_null_sweep_declares_a_winner_no_more_often_than_the_rate(
    trials: int, top: int, seeds: int, worse: int
) -> None:
    """The bound is that of the binomial at the rate, three deviations up."""
    sweeps, null = 400, Null(trials * 100 + top * 10 + seeds)
    won = 0
    for _ in range(sweeps):
        found = null.swept(trials, worse=worse, confirm={"top": top, "seeds": seeds})
        assert (found.winner is not None) == ("is best" in found.recommendation)
        alone = sum(row.rank == 1 for row in found.ranking) == 1
        assert (found.winner is not None) == alone
        won += found.winner is not None
    assert won <= RATE * sweeps + 3 * math.sqrt(sweeps * RATE * (1 - RATE))


@pytest.mark.parametrize("trials", [2, 8])
@pytest.mark.parametrize("error", [None, 0.1, 0.01])
def test_without_confirmation_a_null_sweep_declares_none(trials: int, error: float | None) -> None:
    """Not even where the evaluation's error is far less than the noise of the seeds."""
    null = Null(trials)
    for _ in range(100):
        found = null.swept(trials, error=error)
        assert found.winner is None
        assert "is best" not in found.recommendation


@pytest.mark.parametrize("trials", [2, 8])
def test_single_runs_of_a_null_sweep_are_tied_when_the_error_is_that_of_a_run(trials: int) -> None:
    sweeps, null = 400, Null(trials + 7)
    alone = 0
    for _ in range(sweeps):
        found = null.swept(trials, error=0.1)
        alone += sum(row.rank == 1 for row in found.ranking) == 1
    assert alone <= RATE * sweeps + 3 * math.sqrt(sweeps * RATE * (1 - RATE))


def test_a_real_winner_is_found() -> None:
    """One of three is better by five standard deviations of a run."""
    null, won = Null(3), 0
    for _ in range(100):
        script, spec = Script(), make_spec(confirm={"top": 3, "seeds": 3})
        better = {0.1: 0.0, 1.1: 0.5, 2.1: 0.5}
        for rate, worse in better.items():
            script.run(null.value(worse), learning_rate=rate)
        while (asked := confirmation(spec, script.story)) is not None:
            script.add(asked)
            script.start(asked.trial)
            worse = better[float(asked.params["learning_rate"])]
            script.say(asked.trial, make_report(10, null.value(worse)))
            script.end(asked.trial)
        assert len(finalists(spec, script.story)) == 3
        won += make_result(spec, script.story).winner == 0
    assert won > 80
