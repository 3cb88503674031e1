from __future__ import annotations

import math
from typing import Any

import pytest
from panels import METRIC, base_row, finish
from stories import Script, make_report, make_spec

from sweeps.journal import Judged
from sweeps.lifecycle import AttemptEnd
from sweeps.pruners.configs import EarlyDynamics
from sweeps.pruners.early_dynamics.scores import MISSING
from sweeps.pruners.early_dynamics.table import Table, table
from sweeps.trial import Action, Evidence, Role, Verdict

PAUSE = Verdict(action=Action.PAUSE, reason="test", message="As the test says.")


def park(script: Script, metric: float | None, point: int = 1, **params: Any) -> int:
    number = script.ask(**params)
    script.say(number, make_report(point, metric), PAUSE)
    script.end(number, AttemptEnd.PAUSED, point * 100)
    return number


def read(script: Script, **changes: Any) -> Table:
    spec = make_spec(**{"pruning": {"type": "early_dynamics"}, **changes})
    config = spec.spec.pruning
    assert isinstance(config, EarlyDynamics)
    return table(spec, script.story, config)


def metric_scores(found: Table) -> list[float]:
    return [float(value) for value in found.scores[:, found.signals.index("metric")]]


def test_better_metrics_score_higher() -> None:
    script = Script()
    for metric in (3.0, 1.0, 2.0, 4.0):
        park(script, metric)
    scores = metric_scores(read(script))
    assert sorted(range(4), key=lambda i: -scores[i]) == [1, 2, 0, 3]


def test_trials_of_different_schedules_are_ranked_apart() -> None:
    script = Script()
    for schedule, level in (("cosine", 1.0), ("constant", 100.0)):
        for step in range(3):
            park(script, level + step, lr_scheduler_type=schedule)
    scores = metric_scores(read(script))
    assert scores[:3] == scores[3:]


def test_norms_are_ranked_within_one_batch() -> None:
    script = Script()
    for batch in (10, 20):
        for step in range(3):
            number = script.ask(global_batch_size=batch)
            norm = (1.0 + step) / batch
            script.say(number, make_report(2, norms=(norm, norm)))
    found = read(script)
    norms = found.scores[:, found.signals.index("grad_norm")]
    assert list(norms[:3]) == list(norms[3:])
    assert norms[0] > norms[2]


def test_beside_a_metric_the_norm_is_not_looked_at() -> None:
    script = Script()
    for metric in (3.0, 1.0, 2.0, 4.0):
        park(script, metric)
    assert read(script).signals == ["metric", "loss"]


@pytest.mark.parametrize("name", ["dropout_rate", "label_smoothing", "neftune_noise_alpha"])
def test_beside_a_metric_losses_that_mean_something_else_are_not_looked_at(name: str) -> None:
    measured, bare = Script(), Script()
    for step, metric in enumerate((3.0, 1.0, 2.0, 4.0)):
        park(measured, metric, **{name: 0.1 * step})
        park(bare, None, **{name: 0.1 * step})
    assert read(measured).signals == ["metric"]
    assert "loss" in read(bare).signals


def test_trials_of_other_warmups_are_ranked_together_where_they_meet() -> None:
    script = Script()
    early = [park(script, metric, learning_rate=0.2) for metric in (3.0, 1.0, 2.0)]
    for metric in (1.5, 0.5):
        park(script, metric, point=2, warmup_steps=10)
    found = read(script)
    assert [row.meets for row in found.rows] == [2] * 5
    assert found.behind == [1, 2]
    for number, metric in ((1, 0.8), (2, 0.4)):
        script.start(number)
        script.say(number, make_report(2, metric), PAUSE)
        script.end(number, AttemptEnd.PAUSED, 200)
    found = read(script)
    scores = metric_scores(found)
    # By the metric at point 2: 0.4, 0.5, 0.8, and who did not come behind those of its rung; 1.5.
    assert sorted(range(5), key=lambda i: -scores[i]) == [2, 4, 1, early[0], 3]
    assert [row.point for row in found.rows] == [1, 2, 2, 2, 2]
    assert found.behind == []


def bring_on(script: Script, number: int, **details: float) -> None:
    """From the pause at its first rung, by a verdict of these details."""
    evidence = Evidence(details=dict(details))
    verdict = Verdict(action=Action.CONTINUE, reason="test", message="Go.", evidence=evidence)
    script.add(Judged(trial=number, verdict=verdict))
    script.start(number)


def two_fields(script: Script) -> None:
    for metric in (1.0, 2.0):
        park(script, metric, learning_rate=0.2)
    for metric in (1.5, 0.5):
        park(script, metric, point=2, warmup_steps=10)


def test_on_the_way_to_others_a_trial_is_not_ahead_of_them() -> None:
    script = Script()
    two_fields(script)
    bring_on(script, 0, meets=2)
    assert [row.comes for row in read(script).rows] == [True, False, False, False]
    assert read(script).ahead == []


def test_who_goes_on_to_its_end_comes_to_meet_nobody() -> None:
    script = Script()
    two_fields(script)
    bring_on(script, 0)
    assert not any(row.comes or row.brought for row in read(script).rows)
    assert read(script).ahead == [0]


def test_for_one_that_ended_on_the_way_the_next_of_its_field_comes() -> None:
    script = Script()
    two_fields(script)
    assert read(script).behind == [0]
    bring_on(script, 0, meets=2)
    script.stop(0, 150)
    assert read(script).behind == [1]


def test_they_meet_where_what_is_looked_at_is_known_of_all() -> None:
    script = Script()
    for metric in (1.0, 2.0, 3.0, 4.0, 5.0):
        park(script, metric, point=2, learning_rate=0.2 if metric < 3 else 0.3)
    for metric in (1.5, 0.5):
        park(script, metric, point=3, warmup_steps=12)
    ends = {"report": {"points": 20}}
    assert {row.meets for row in read(script, **ends).rows} == {3}
    assert {row.meets for row in read(script, evaluation={"every_points": 2}, **ends).rows} == {4}


def test_by_norms_alone_nobody_meets() -> None:
    script = Script()
    two_fields(script)
    norm = {"type": "early_dynamics", "signals": ["grad_norm"]}
    assert {row.meets for row in read(script, pruning=norm).rows} == {None}


def test_a_signal_that_hardly_anybody_has_is_left_out() -> None:
    script = Script()
    for metric in (3.0, None, None, None, None):
        park(script, metric)
    assert "metric" not in read(script).signals


def test_who_lacks_what_others_have_scores_low_and_nan_lower_than_all_numbers() -> None:
    script = Script()
    for metric in (3.0, 1.0, 2.0, 4.0, None, math.nan):
        park(script, metric)
    scores = metric_scores(read(script))
    assert scores[4] == MISSING
    assert scores[5] == min(s for i, s in enumerate(scores) if i != 4)


def test_finals_are_costs_and_base_rows_do_not_take_part() -> None:
    script = Script()
    script.ask(role=Role.BASE)
    script.run(3.0, 2.0)
    script.run(3.0, math.nan)
    park(script, 1.0)
    found = read(script)
    assert [row.number for row in found.rows] == [1, 2, 3]
    assert [row.final for row in found.rows] == [2.0, math.inf, None]
    assert (found.finished, found.parked) == ([0, 1], [2])


def test_a_metric_measured_at_the_end_alone_gives_way_to_the_loss_of_the_evaluation() -> None:
    script = Script()
    for metric in (3.0, 1.0, 2.0, 4.0):
        park(script, metric)
    found = read(script, metric={"name": "eval_exact_match", "goal": "maximize"})
    assert (found.watch, found.higher) == ("eval_loss", False)
    assert metric_scores(found)[1] > 0


def test_a_final_beyond_a_limit_is_as_bad_as_one_that_is_no_number() -> None:
    """So it never is the best that a parked trial has to beat."""
    script = Script()
    base_row(script)
    finish(script, 0.1, 0.1)
    finish(script, 1.0, 0.8)
    assert [row.final for row in read(script, metric=METRIC).rows] == [math.inf, 1.0]
    assert [row.final for row in read(script).rows] == [0.1, 1.0]
