"""The report on pruning over sweeps: which ones, in which order, and what they say together."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from service_support import make_spec
from sqlalchemy import event
from sqlalchemy.orm import Session
from stories import make_spec as pure_spec

from service.clock import now
from service.operations.submit import submit
from service.queries import PruningQuery
from service.store import summaries
from sweeps.journal import Story
from sweeps.lifecycle import SweepState
from sweeps.pruning_report import PruningReport, pruning_report

START = now()


def report(**changes: Any) -> PruningReport:
    spec = pure_spec(pruning={"type": "early_dynamics"})
    found = pruning_report(spec, Story(), None, None)
    assert found is not None
    return found.model_copy(update=changes)


def put(session: Session, number: int, project: str = "default", **changes: Any) -> str:
    """Sweep `number`, which ended so many seconds after the first one."""
    spec = make_spec(f"s{number}")
    spec["metadata"]["project"] = project
    sweep, _ = submit(session, spec, None, START)
    sweep.state, sweep.ended_at = SweepState.DONE, START + timedelta(seconds=number)
    summaries.keep(sweep, 0, report(**changes))
    session.flush()
    return sweep.id


def test_those_that_ended_last_come_first(session: Session) -> None:
    ids = [put(session, number) for number in (2, 3, 1)]
    found = summaries.history(session, PruningQuery())
    assert [item.sweep_id for item in found.items] == [ids[1], ids[0], ids[2]]
    newest = summaries.history(session, PruningQuery(limit=1))
    assert [item.name for item in newest.items] == ["s3"]
    assert newest.items[0].ended_at == START + timedelta(seconds=3)


def test_of_one_project(session: Session) -> None:
    put(session, 1, "nlp")
    put(session, 2, "cv")
    found = summaries.history(session, PruningQuery(project="nlp"))
    assert [item.project for item in found.items] == ["nlp"]


def test_what_they_say_together(session: Session) -> None:
    told = {"finished": 10, "rate": 0.3, "estimate": 0.1, "expected": 0.02}
    put(session, 1, **told, false_kills=3)
    put(session, 2, **told, false_kills=4)
    put(session, 3)
    pooled = summaries.history(session, PruningQuery()).pooled
    assert (pooled.sweeps, pooled.finished, pooled.false_kills) == (2, 20, 7)
    assert pooled.calibration == "too_low"


def test_of_no_sweep(session: Session) -> None:
    found = summaries.history(session, PruningQuery())
    assert (found.items, found.pooled.sweeps, found.pooled.rate) == ([], 0, None)


def test_many_are_one_query_and_no_journal_is_read(session: Session) -> None:
    for number in range(205):
        put(session, number)
    asked = list[str]()

    def ask(_wire: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
        asked.append(statement)

    event.listen(session.get_bind(), "before_cursor_execute", ask)
    found = summaries.history(session, PruningQuery())
    event.remove(session.get_bind(), "before_cursor_execute", ask)
    assert len(found.items) == 200
    assert found.items[0].name == "s204"
    assert len(asked) == 1
