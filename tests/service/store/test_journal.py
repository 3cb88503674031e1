"""What the stored journal is asked for, beside its entries."""

from __future__ import annotations

from service_support import Writer, applied, asked, make_offer, make_spec, started
from sqlalchemy.orm import Session

from service.clock import Terms, now
from service.operations.claim import claim
from service.operations.record import record
from service.operations.submit import submit
from service.store import journal

STOP_0 = applied("s", "stop_trial", 0)


def test_pages_bodies_and_story(session: Session) -> None:
    sweep, _ = submit(session, make_spec(), None, now())
    claim(session, make_offer(), Terms(now(), 30, 5))
    entries = Writer().entries(asked(0), started(0), STOP_0)
    record(session, sweep.id, 1, entries, now())
    assert journal.page(session, sweep.id, 1, 1) == [entries[1]]
    assert journal.page(session, sweep.id, 3, 5) == []
    texts = {entry.seq: entry.body.model_dump_json() for entry in entries}
    assert journal.bodies(session, sweep.id, 2, 9) == {2: texts[2], 3: texts[3]}
    assert journal.holds(session, sweep.id, "asked")
    assert not journal.holds(session, sweep.id, "prepared")
    assert journal.story(session, sweep.id).stop_requested == {0}
