from __future__ import annotations

import pytest
from stories import Script, make_report, make_spec

from sweeps.errors import SweepError
from sweeps.journal import CommandApplied, Entry
from sweeps.lifecycle import AttemptEnd
from sweeps.trial import Action, Evidence, Role, Verdict
from workers.sinks.mlflow_chronicle import Chronicle, millis


def chronicle_of(entries: list[Entry], **spec: object) -> Chronicle:
    chronicle = Chronicle(make_spec(**spec))
    for entry in entries:
        chronicle.take(entry)
    return chronicle


def curve(chronicle: Chronicle, key: str) -> list[tuple[int, float]]:
    return [(point.step, point.value) for point in chronicle.points if point.key == key]


def test_times_are_read_as_utc() -> None:
    assert millis("1970-01-01T00:00:01.500Z") == 1500


def test_the_best_so_far_falls_when_the_goal_is_to_minimize() -> None:
    script = Script()
    script.run(3.0, 2.0, 2.5)
    script.run(2.2, 1.0)
    falls = [value for _, value in curve(chronicle_of(script.entries), "best_eval_loss")]
    assert falls == [3.0, 2.0, 1.0]


def test_the_best_so_far_rises_when_the_goal_is_to_maximize() -> None:
    script = Script()
    script.run(3.0, 2.0, 4.0)
    goal = {"name": "eval_loss", "goal": "maximize"}
    chronicle = chronicle_of(script.entries, metric=goal)
    assert [value for _, value in curve(chronicle, "best_eval_loss")] == [3.0, 4.0]


def test_what_is_not_finite_or_not_of_the_search_is_no_best() -> None:
    script = Script()
    number = script.ask(role=Role.BASE)
    script.say(number, make_report(1, 0.1))
    number = script.ask()
    script.say(number, make_report(1, float("nan")))
    script.say(number, make_report(2, float("-inf")))
    script.say(number, make_report(3, 2.0))
    assert [value for _, value in curve(chronicle_of(script.entries), "best_eval_loss")] == [2.0]


def test_ends_are_counted_at_the_entry_that_made_them() -> None:
    script = Script()
    script.run(1.0)
    first = len(script.entries)
    number = script.ask()
    script.stop(number, 400)
    chronicle = chronicle_of(script.entries)
    assert curve(chronicle, "trials_finished") == [(first, 1)]
    assert curve(chronicle, "trials_stopped") == [(first, 0), (len(script.entries), 1)]
    assert curve(chronicle, "compute_saved")[-1] == (len(script.entries), pytest.approx(0.3))
    assert set(chronicle.ended) == {0, 1}


def test_a_cancel_touches_and_ends_every_trial_that_waits() -> None:
    script = Script()
    for _ in range(2):
        number = script.ask()
        script.end(number, AttemptEnd.PREEMPTED, 100)
    chronicle = chronicle_of(script.entries)
    chronicle.touched.clear()
    script.add(CommandApplied(command="c1", kind="cancel"))
    chronicle.take(script.entries[-1])
    assert chronicle.touched == {0, 1}
    assert set(chronicle.ended) == {0, 1}
    assert curve(chronicle, "trials_stopped")[-1][1] == 2


def test_a_retried_trial_has_not_ended() -> None:
    script = Script()
    number = script.ask()
    script.end(number, AttemptEnd.FAILED, 0, error="Boom", gave_up=True)
    failed = len(script.entries)
    chronicle = chronicle_of(script.entries)
    assert set(chronicle.ended) == {number}
    script.add(CommandApplied(command="r", kind="retry_trial", trial=number))
    chronicle.take(script.entries[-1])
    assert (chronicle.ended, chronicle.touched) == ({}, {number})
    script.start(number)
    script.end(number)
    for entry in script.entries:
        chronicle.take(entry)
    assert set(chronicle.ended) == {number}
    last = len(script.entries)
    assert curve(chronicle, "trials_failed") == [(failed, 1), (failed + 1, 0)]
    assert curve(chronicle, "trials_finished") == [(failed, 0), (last, 1)]


def test_a_replay_gives_the_same_points_and_a_repeat_gives_none() -> None:
    script = Script()
    script.run(3.0, 2.0)
    script.run(1.0)
    chronicle = chronicle_of(script.entries)
    once = list(chronicle.points)
    for entry in script.entries:
        chronicle.take(entry)
    assert chronicle.points == once == chronicle_of(script.entries).points
    assert len({(point.key, point.step) for point in once}) == len(once)


def test_a_gap_is_an_error() -> None:
    script = Script()
    script.run(3.0)
    chronicle = chronicle_of(script.entries[:2])
    with pytest.raises(SweepError, match="gap"):
        chronicle.take(script.entries[3])


def test_the_pruners_estimate_and_its_audits_are_curves() -> None:
    script = Script()
    details = {"miss_risk": 0.3, "agreement": 0.7}
    told = Verdict(
        action=Action.CONTINUE,
        reason="early_dynamics",
        message="It goes on.",
        evidence=Evidence(details=details),
    )
    kept = script.ask()
    script.say(kept, make_report(2, 2.0), told)
    script.say(kept, make_report(10, 2.0))
    script.end(kept)
    first = len(script.entries)
    audit = script.ask()
    script.say(audit, make_report(2, 2.0), told.model_copy(update={"audit": True}))
    script.say(audit, make_report(10, 1.0))
    script.end(audit)
    last = len(script.entries)
    chronicle = chronicle_of(script.entries, pruning={"type": "early_dynamics"})
    assert curve(chronicle, "miss_risk_estimate") == [(first, 0.3)]
    assert curve(chronicle, "signal_agreement") == [(first, 0.7)]
    assert curve(chronicle, "false_kill_rate") == [(last, 1.0)]
    assert curve(chronicle, "false_kill_rate_low") == [(last, pytest.approx(0.2065, abs=1e-4))]
    assert curve(chronicle, "false_kill_rate_high") == [(last, 1.0)]
    keys = {point.key for point in chronicle_of(script.entries, pruning={"type": "never"}).points}
    assert not keys & {"miss_risk_estimate", "false_kill_rate", "signal_agreement"}
