from __future__ import annotations

import math

import numpy as np
from playing import Player, done
from stories import Script, make_report, make_spec

from sweeps.journal import Judged, Reported
from sweeps.pruners.early_dynamics.meeting import better_part, joined, meeting_points
from sweeps.trial import Action, Report, Verdict


def test_fields_of_few_configurations_are_put_together() -> None:
    fields = {1: {"a", "b"}, 2: {"c"}, 3: {"d", "e"}}
    assert meeting_points(fields, 4) == {1: 3, 2: 3, 3: 3}


def test_a_field_of_enough_configurations_is_compared_where_it_is() -> None:
    many, more = set("abcd"), set("efgh")
    assert meeting_points({1: many, 3: more}, 4) == {}
    assert meeting_points({1: many}, 4) == {}


def test_what_is_left_over_joins_the_field_before() -> None:
    assert meeting_points({1: set("abcd"), 2: {"e"}}, 4) == {1: 2, 2: 2}
    assert meeting_points({1: {"a"}, 2: set("bcd"), 3: {"e"}}, 4) == {1: 3, 2: 3, 3: 3}


def test_one_that_comes_late_is_waited_for_by_nobody() -> None:
    assert meeting_points({1: {"a", "b"}, 5: {"c", "d"}}, 4) == {}


def test_they_meet_where_the_metric_is_taken() -> None:
    assert meeting_points({2: {"a", "b"}, 3: {"c"}}, 4, every=2) == {2: 4, 3: 4}
    assert meeting_points({2: {"a", "b"}, 3: {"c"}}, 3, every=2) == {}
    assert meeting_points({2: {"a", "b"}, 4: {"c"}}, 4, every=2) == {2: 4, 4: 4}


def test_the_better_half_of_a_field_goes_on() -> None:
    assert better_part(np.array([0.1, 0.9, -1.0, 0.5, 0.0]), [0, 1, 2, 3, 4]) == [1, 3, 0]
    assert better_part(np.array([0.1, 0.9, 0.9]), [2]) == [2]


def test_those_that_came_stand_by_what_they_show_and_the_others_behind_their_own() -> None:
    scores = np.array([1.0, 0.0, -1.0, 0.5])
    firsts = np.array([1, 1, 1, 3])
    # Trial 3 is worse than the best of the first rung and better than the second of it.
    found = joined(scores, firsts, np.array([1.0, 3.0, math.nan, 2.0]))
    assert np.argsort(-found).tolist() == [0, 3, 1, 2]
    # Nobody but the best has come: the others are behind it, whatever those of other rungs show.
    found = joined(scores, firsts, np.array([1.0, math.nan, math.nan, 2.0]))
    assert np.argsort(-found).tolist() == [0, 1, 2, 3]


def test_who_scored_more_than_all_that_came_stands_behind_the_best_of_them() -> None:
    scores, firsts = np.array([2.0, 1.0, 0.0]), np.array([1, 1, 2])
    assert np.argsort(-joined(scores, firsts, np.array([math.nan, 1.0, 2.0]))).tolist() == [1, 0, 2]


def test_a_rung_of_which_nobody_came_keeps_its_scores() -> None:
    scores, firsts = np.array([0.7, -0.7, 0.0]), np.array([1, 1, 3])
    nobody = joined(scores, firsts, np.array([math.nan, math.nan, 5.0]))
    assert nobody.tolist() == scores.tolist()


def late(number: int, point: int) -> Report:
    """The last two are best, which shows only next to the others. All of them warm up longer."""
    return make_report(point, float(12 - number) + 1.0 / point)


def played() -> Script:
    rows = [
        {"learning_rate": 0.1, "seed": n, "warmup_ratio": 0.0 if n < 6 else 0.1} for n in range(12)
    ]
    axes = {"global_batch_size": {"values": [10]}, "paired": rows}
    pruning = {"type": "early_dynamics", "risk": 0.3, "audit": 0.0}
    return Player(make_spec(pruning=pruning, parameters=axes), late).play()


def said(script: Script) -> list[tuple[int, Verdict]]:
    bodies = [entry.body for entry in script.entries]
    return [(b.trial, b.verdict) for b in bodies if isinstance(b, Reported | Judged)]


def test_two_configurations_of_other_warmups_meet_before_any_of_them_runs_to_its_end() -> None:
    script = played()
    parked = [number for number, one in said(script) if one.action is Action.PAUSE]
    assert sorted(number for number in range(12) if parked.count(number) > 1) == [3, 4, 5]
    brought = [(n, one) for n, one in said(script) if "first rung comes later" in one.message]
    assert [number for number, _ in brought] == [5, 4, 3]
    assert all("goes on to point 2" in one.message for _, one in brought)
    assert done(script)[-1] == 11
    assert not {0, 1, 2} & set(done(script))


def test_on_the_way_to_others_nobody_is_parked_by_a_later_look() -> None:
    """The best of the early rung looks bad at point 2, where trials that run on are looked at."""

    def curve(number: int, point: int) -> Report:
        return make_report(point, 9.0 if (number, point) == (1, 2) else 1.0 + abs(number - 1) / 10)

    axes = {
        "global_batch_size": {"values": [10]},
        "learning_rate": {"value": 0.1},
        "warmup_steps": {"values": [0, 1, 2, 16, 17, 18]},
    }
    pruning = {"type": "early_dynamics", "risk": 0.3, "audit": 0.0}
    spec = make_spec(pruning=pruning, parameters=axes, report={"points": 20})
    script = Player(spec, curve).play()
    bodies = [entry.body for entry in script.entries if isinstance(entry.body, Reported)]
    parked = [b.report.point for b in bodies if b.trial == 1 and b.verdict.action is Action.PAUSE]
    assert parked == [1, 4]
