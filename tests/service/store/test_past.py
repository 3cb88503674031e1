"""What a new sweep is told of finished ones."""

from __future__ import annotations

import json
import math
from typing import Any

import pytest
from service_support import (
    PRUNED,
    Writer,
    asked,
    ended,
    make_offer,
    make_report,
    make_spec,
    reported,
    started,
)
from sqlalchemy.orm import Session

from service.clock import Terms, now
from service.operations.claim import claim
from service.operations.finish import finish
from service.operations.record import record
from service.operations.submit import submit
from service.schemas import FinishRequest, PastSweep
from service.store import journal, summaries, sweeps
from service.store import past as store
from service.store.past import past
from sweeps.lifecycle import AttemptEnd
from sweeps.result import make_result
from sweeps.trial import Role


def terms() -> Terms:
    """At this moment."""
    return Terms(now(), 30, 5)


def run(trial: int, finals: list[float], **params: Any) -> list[Any]:
    """A whole trial with these metrics at points 1, 2, ..."""
    reports = [
        reported(trial, make_report(point, 2.0 / point, eval_loss=value))
        for point, value in enumerate(finals, 1)
    ]
    return [asked(trial, **params), started(trial), *reports, ended(trial)]


def finished(session: Session, *bodies: Any, name: str = "old", **changes: Any) -> str:
    """A sweep that is DONE, with this journal."""
    spec = make_spec(name, **changes)
    sweep = submit(session, spec, None, now())[0].id
    claim(session, make_offer(), terms())
    record(session, sweep, 1, Writer().entries(*bodies), now())
    finish(session, sweep, FinishRequest(token=1, state="DONE"), terms())
    return sweep


def told(session: Session, **changes: Any) -> list[PastSweep]:
    """What a new sweep is told."""
    sweep = submit(session, make_spec("new", **changes), None, now())[0].id
    session.flush()
    return past(session, sweeps.find(session, sweep))


def test_trials_with_their_final_and_their_points(session: Session) -> None:
    sweep = finished(session, *run(0, [5, 4, 3, 2, 1.23456789], learning_rate=0.3))
    (found,) = told(session)
    (trial,) = found.trials
    assert (found.sweep, trial.params, trial.final) == (sweep, {"learning_rate": 0.3}, 1.23456789)
    assert [point.share for point in trial.points] == [0.2, 0.4, 0.6, 0.8, 1.0]
    first, last = trial.points[0], trial.points[-1]
    assert (first.loss, first.grad_norm, first.metric) == (2.0, 0.5, 5)
    assert (last.loss, last.metric) == (0.4, 1.23457)


def test_ten_points_of_a_trial_at_most(session: Session) -> None:
    body = run(0, [float(100 - point) for point in range(100)])
    finished(session, *body, report={"points": 100})
    ((trial,),) = [found.trials for found in told(session)]
    assert [point.share for point in trial.points] == list(store.SHARES)


def test_a_point_that_was_skipped_is_the_one_before(session: Session) -> None:
    skipping = [
        *(asked(0), started(0)),
        *(reported(0, make_report(point, eval_loss=1.0)) for point in (2, 5, 7, 20)),
        ended(0),
    ]
    finished(session, *skipping, report={"points": 20})
    ((trial,),) = [found.trials for found in told(session)]
    assert [point.share for point in trial.points] == [0.1, 0.25, 0.35, 1.0]


def test_only_search_trials_with_a_finite_final(session: Session) -> None:
    other = asked(2).model_copy(update={"role": Role.CONFIRM})
    finished(
        session,
        *run(0, [1, 1, 1, 1, math.nan]),
        *(asked(1), started(1), reported(1, make_report(1, eval_loss=1.0))),
        ended(1, **PRUNED),
        *(other, *run(2, [1, 1, 1, 1, 1])[1:]),
        *(asked(3), started(3), ended(3, AttemptEnd.FAILED, gave_up=True)),
    )
    assert told(session) == []


def test_what_is_not_finite_on_the_way_is_absent(session: Session) -> None:
    finished(session, *run(0, [math.inf, 4, 3, 2, 1]))
    ((trial,),) = [found.trials for found in told(session)]
    assert [point.metric for point in trial.points] == [None, 4, 3, 2, 1]


def test_a_sweep_that_pruned_for_good_tells_nothing(session: Session) -> None:
    """Its finals are those of a selection. One whose condemned all ran on tells all it saw."""
    pruning = {"type": "early_dynamics"}
    row = sweeps.find(session, finished(session, *run(0, [5, 4, 3, 2, 1]), pruning=pruning))
    assert told(session) == []  # nobody has summed it up yet
    report = make_result(sweeps.spec_of(row), journal.story(session, row.id)).pruning
    assert report is not None
    for condemned, audited, seen in ((0, 0, 1), (3, 3, 1), (3, 1, 0)):
        changed = report.model_copy(update={"condemned": condemned, "audited": audited})
        summaries.keep(row, row.journal_seq, changed)
        session.flush()
        assert len(told(session)) == seen


def test_the_way_and_the_final_each_have_their_goal(session: Session) -> None:
    """An accuracy that only the end measures: the loss of the evaluation was looked at."""
    accuracy = {"name": "eval_exact_match", "goal": "maximize"}
    reports = [
        reported(0, make_report(1, eval_loss=7.0)),
        reported(0, make_report(5, eval_loss=6.0, eval_exact_match=0.5)),
    ]
    finished(session, asked(0), started(0), *reports, ended(0), metric=accuracy)
    finished(session, *run(0, [5, 4, 3, 2, 1]), metric={"name": "eval_loss", "goal": "maximize"})
    (found,) = told(session, metric=accuracy)
    assert (found.higher, found.trials[0].final) == (False, 0.5)
    assert [point.metric for point in found.trials[0].points] == [7.0, 6.0]
    (other,) = told(session, metric={"name": "eval_loss", "goal": "maximize"})
    assert other.higher


@pytest.mark.parametrize(
    "change",
    [
        {"metric": {"name": "eval_loss", "goal": "maximize"}},
        {"metric": {"name": "eval_other", "goal": "minimize"}},
        {"workload": {"recipe": "toy", "model": {"tiny": "llama"}}},
    ],
)
def test_another_family_tells_nothing(session: Session, change: dict[str, Any]) -> None:
    finished(session, *run(0, [5, 4, 3, 2, 1]))
    assert len(told(session)) == 1
    assert told(session, **change) == []


def test_another_project_tells_nothing(session: Session) -> None:
    finished(session, *run(0, [5, 4, 3, 2, 1]))
    spec = make_spec("new")
    spec["metadata"]["project"] = "elsewhere"
    row = sweeps.find(session, submit(session, spec, None, now())[0].id)
    assert past(session, row) == []


def test_a_sweep_that_is_not_done_tells_nothing(session: Session) -> None:
    sweep = submit(session, make_spec("old"), None, now())[0].id
    claim(session, make_offer(), terms())
    record(session, sweep, 1, Writer().entries(*run(0, [5, 4, 3, 2, 1])), now())
    assert told(session) == []


def test_the_watched_metric_is_the_one_along_the_way(session: Session) -> None:
    reports = [
        reported(0, make_report(1, eval_other=7.0)),
        reported(0, make_report(5, eval_loss=1.0, eval_other=9.0)),
    ]
    row = sweeps.find(session, finished(session, asked(0), started(0), *reports, ended(0)))

    def along() -> list[float | None]:
        return [point.metric for point in told(session)[0].trials[0].points]

    assert along() == [None, 1.0]
    watch = {"name": "eval_other", "goal": "maximize"}
    row.spec = json.dumps(make_spec("old", pruning={"type": "early_dynamics", "watch": watch}))
    summed = make_result(sweeps.spec_of(row), journal.story(session, row.id)).pruning
    summaries.keep(row, row.journal_seq, summed)
    session.flush()
    assert along() == [7.0, 9.0]


def test_it_is_bounded(session: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    trials = [body for number in range(3) for body in run(number, [5, 4, 3, 2, 1])]
    made = [finished(session, *trials, name=f"old-{number}") for number in range(3)]
    assert [found.sweep for found in told(session)] == made[::-1]
    size = len(told(session)[0].model_dump_json())
    monkeypatch.setattr(store, "BYTES", 2 * size + 10)
    assert [found.sweep for found in told(session)] == made[:0:-1]
    monkeypatch.setattr(store, "SWEEPS", 1)
    monkeypatch.setattr(store, "TRIALS", 2)
    (found,) = told(session)
    assert (found.sweep, len(found.trials)) == (made[-1], 2)
    monkeypatch.setattr(store, "SECONDS", -1.0)
    assert told(session) == []
