"""A recipe's context and a command's trial have the same words: code for one runs with both."""

from __future__ import annotations

import inspect
import json
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
from recipe_support import make_run

from workers.bring.client import Trial
from workers.bring.environment import trial_of
from workers.bring.telling import EvaluationPlan, Plan, Telling
from workers.recipes.context import Context


@pytest.fixture
def both(tmp_path: Path) -> Iterator[tuple[Context, Trial]]:
    context = make_run(tmp_path).context
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(tmp_path / "socket"))
        listener.listen()
        facts = json.loads(json.dumps(trial_of(context, {}, None)))
        yield context, Trial(facts, str(tmp_path / "socket"))


def words(protocol: type) -> set[str]:
    public = {name for name in vars(protocol) if not name.startswith("_")}
    return public | set(inspect.get_annotations(protocol))


def test_both_have_every_word_with_the_same_meaning(both: tuple[Context, Trial]) -> None:
    context, trial = both
    for protocol, one, other in (
        (Telling, context, trial),
        (Plan, context.plan, trial.plan),
        (EvaluationPlan, context.evaluation, trial.evaluation),
    ):
        assert words(protocol)
        for name in words(protocol) - {"plan", "evaluation"}:
            mine, theirs = getattr(one, name), getattr(other, name)
            assert mine == theirs or (callable(mine) and callable(theirs)), name


def test_a_step_is_told_to_both_in_the_same_words(both: tuple[Context, Trial]) -> None:
    mine, theirs = (inspect.signature(one.step).parameters for one in both)
    # What only a recipe that runs in the worker can tell: see Context.step.
    assert set(mine) - set(theirs) == {"part", "cut"}
    for name, parameter in theirs.items():
        assert (parameter.kind, parameter.default) == (mine[name].kind, mine[name].default), name
