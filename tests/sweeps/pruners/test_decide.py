from __future__ import annotations

from typing import Any

import pytest
from stories import Script, make_report, make_spec

from sweeps.journal import Story
from sweeps.pruners.decide import verdict
from sweeps.trial import GO_ON, Action, Report, Role, Verdict

STOP = Verdict(action=Action.STOP, reason="always", message="It always stops.")


class Always:
    """A pruner that stops whatever it is asked about."""

    def judge(self, story: Story, number: int, report: Report) -> Verdict:
        return STOP


def judged(script: Script, number: int, report: Report, **changes: Any) -> Verdict:
    return verdict(make_spec(**changes), Always(), script.story, number, report)


def sweep(trials: int = 4, **params: Any) -> Script:
    script = Script()
    for _ in range(trials):
        script.ask(**params)
    return script


def test_the_pruner_judges_a_cohort_of_four() -> None:
    assert judged(sweep(4), 0, make_report(1)) == STOP
    assert judged(sweep(3), 0, make_report(1)) == GO_ON


def test_trials_of_another_cohort_do_not_count() -> None:
    script = sweep(3)
    script.ask(lr_scheduler_type="cosine")
    assert judged(script, 0, make_report(1)) == GO_ON


def test_at_the_last_point_there_is_nothing_to_prune() -> None:
    assert judged(sweep(), 0, make_report(10)) == GO_ON


def test_guards_judge_at_the_last_point_and_in_small_cohorts() -> None:
    found = judged(sweep(1), 0, make_report(10, guard="non_finite_loss"))
    assert found.reason == "non_finite_loss"


def test_guards_come_before_the_pruner() -> None:
    assert judged(sweep(), 0, make_report(1, norms=(0.0, 0.0))).reason == "dead"


def test_nothing_is_pruned_in_its_own_warmup() -> None:
    script = sweep(4, warmup_steps=25)
    assert judged(script, 0, make_report(2)) == GO_ON
    assert judged(script, 0, make_report(3)) == STOP


@pytest.mark.parametrize("role", [Role.BASE, Role.PRESET, Role.CONFIRM])
def test_only_search_trials_are_pruned(role: Role) -> None:
    script = sweep(4)
    number = script.ask(role=role)
    assert judged(script, number, make_report(1)) == GO_ON
    broken = make_report(1, guard="non_finite_loss")
    assert judged(script, number, broken).action is Action.STOP
