"""Summaries of sweeps that are DONE: made of their journals, kept while these stand."""

from __future__ import annotations

from typing import Any

import pytest
from service_support import (
    STOP,
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
from service.operations import moves, summarise
from service.operations.claim import claim
from service.operations.record import record
from service.operations.submit import submit
from service.queries import PruningQuery
from service.store import journal, summaries
from service.store.tables import SweepRow
from sweeps.journal import Story
from sweeps.lifecycle import AttemptEnd, StopReason, SweepState

MEDIAN = {"pruning": {"type": "median"}}


def bodies() -> list[Any]:
    """One trial to its end, one that the median stopped."""
    pruned = {"samples": 64, "stop_reason": StopReason.PRUNED}
    return [
        *(asked(0), started(0), reported(0, make_report(5, eval_loss=1.0)), ended(0)),
        *(asked(1), started(1), reported(1, make_report(1, eval_loss=3.0), STOP)),
        ended(1, AttemptEnd.STOPPED, **pruned),
    ]


def done(session: Session, **changes: Any) -> SweepRow:
    sweep, _ = submit(session, make_spec(**{**MEDIAN, **changes}), None, now())
    lease = claim(session, make_offer(), Terms(now(), 30, 5))
    assert lease is not None
    assert lease.sweep == sweep.id
    record(session, sweep.id, lease.token, Writer().entries(*bodies()), now())
    moves.move(session, sweep, SweepState.DONE, now(), "Done.")
    session.flush()
    return sweep


def settle(session: Session) -> int:
    """Make all that are missing; how many."""
    count = 0
    while (made := summarise.make(session)) is not None:
        summarise.keep(session, made)
        session.flush()
        count += 1
        assert count < 50
    return count


def test_a_done_sweep_gets_its_summary_once(session: Session) -> None:
    sweep = done(session)
    assert summaries.history(session, PruningQuery()).items == []
    assert settle(session) == 1
    (item,) = summaries.history(session, PruningQuery()).items
    assert (item.sweep_id, item.name, item.report.pruner) == (sweep.id, "toy", "median")
    assert (item.report.condemned, item.report.trials) == (1, 2)
    assert settle(session) == 0


def test_a_sweep_that_does_not_prune_has_none_and_is_not_asked_again(session: Session) -> None:
    done(session, pruning={"type": "never"})
    assert (settle(session), settle(session)) == (1, 0)
    assert summaries.history(session, PruningQuery()).items == []


def test_a_sweep_that_runs_has_none(session: Session) -> None:
    submit(session, make_spec(**MEDIAN), None, now())
    assert summarise.make(session) is None


def test_a_sweep_that_went_on_gets_another(session: Session) -> None:
    sweep = done(session)
    made = summarise.make(session)
    assert made is not None
    sweep.journal_seq += 1
    session.flush()
    summarise.keep(session, made)
    assert sweep.pruning is None
    sweep.journal_seq -= 1
    session.flush()
    assert settle(session) == 1
    sweep.journal_seq += 1
    session.flush()
    assert summarise.make(session) is not None


def test_a_sweep_that_is_queued_again_is_no_longer_told(session: Session) -> None:
    sweep = done(session)
    settle(session)
    moves.move(session, sweep, SweepState.QUEUED, now(), "Retried.")
    session.flush()
    assert summaries.history(session, PruningQuery()).items == []


def test_a_journal_that_cannot_be_read_keeps_none_from_theirs(
    session: Session, caplog: pytest.LogCaptureFixture
) -> None:
    broken, sound = done(session), done(session, seed=1)
    broken.spec = broken.spec.replace("sweeps/v1", "sweeps/v0")
    session.flush()
    assert settle(session) == 2
    assert [item.sweep_id for item in summaries.history(session, PruningQuery()).items] == [
        sound.id
    ]
    assert broken.id in caplog.text


def test_whatever_is_wrong_with_one_keeps_none_from_theirs(
    session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken, sound = done(session), done(session, seed=1)
    real = journal.story

    def story(session: Session, sweep_id: str) -> Story:
        if sweep_id == broken.id:
            raise TypeError("a mistake of ours")
        return real(session, sweep_id)

    monkeypatch.setattr(journal, "story", story)
    assert settle(session) == 2
    assert [item.sweep_id for item in summaries.history(session, PruningQuery()).items] == [
        sound.id
    ]


def test_a_journal_that_is_too_long_is_left_out(session: Session) -> None:
    sweep = done(session)
    sweep.journal_seq = summaries.LONGEST + 1
    session.flush()
    assert summarise.make(session) is None
