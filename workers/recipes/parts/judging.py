"""Replies scored by the operator's judge: the mean score and its standard error."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence

from sweeps.errors import SweepError
from workers.registered import Judge


class JudgeError(SweepError):
    """A judge that does not keep its contract; another attempt would not help."""


def scores(
    judge: Judge, prompts: Sequence[str], replies: Sequence[str], answers: Sequence[str]
) -> dict[str, float]:
    """`judge`, the mean score, and from two replies on `judge_stderr`: the sample standard
    deviation over sqrt(n). A score that is no finite number makes the mean NaN.

    Raises JudgeError when there is not one number for each reply; what a judge itself raises
    passes, and fails the attempt.
    """
    found = judge(list(prompts), list(replies), list(answers))
    if len(found) != len(replies):
        raise JudgeError(f"The judge gave {len(found)} scores to {len(replies)} replies.")
    try:
        values = [float(score) for score in found]
    except (TypeError, ValueError) as error:
        raise JudgeError(f"The judge gave a score that is no number: {error}") from error
    if not all(map(math.isfinite, values)):
        return {"judge": math.nan}
    mean = {"judge": statistics.fmean(values)}
    if len(values) < 2:
        return mean
    return {**mean, "judge_stderr": statistics.stdev(values) / math.sqrt(len(values))}
