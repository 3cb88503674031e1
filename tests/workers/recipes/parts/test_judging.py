from __future__ import annotations

import math
from typing import Any

import pytest

from workers.recipes.parts.judging import JudgeError, scores

TEXTS = ["a", "b", "c"]


def judged(*values: Any) -> dict[str, float]:
    return scores(lambda prompts, replies, answers: values, TEXTS, TEXTS, TEXTS)


def test_the_mean_and_its_standard_error() -> None:
    found = judged(1, 2.0, 6)
    assert found == pytest.approx({"judge": 3.0, "judge_stderr": math.sqrt(7 / 3)})


def test_one_reply_has_no_error() -> None:
    assert scores(lambda *texts: [0.5], ["a"], ["b"], ["c"]) == {"judge": 0.5}


@pytest.mark.parametrize("score", [math.nan, math.inf])
def test_a_score_that_is_not_finite_is_never_a_zero(score: float) -> None:
    found = judged(1.0, score, 2.0)
    assert math.isnan(found["judge"])
    assert list(found) == ["judge"]


@pytest.mark.parametrize("values", [(1.0,), (1.0, 2.0, "good"), (1.0, 2.0, None)])
def test_a_judge_that_gives_no_number_a_reply_is_told(values: tuple[Any, ...]) -> None:
    with pytest.raises(JudgeError):
        judged(*values)
