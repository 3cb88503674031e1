"""Journals that two send to at once."""

from __future__ import annotations

import math
import threading
from concurrent.futures import ThreadPoolExecutor

from service_support import (
    AGENT,
    Host,
    Writer,
    asked,
    ended,
    make_report,
    make_spec,
    reported,
    started,
    take,
)

from service.client import Client
from service.errors import JournalGap, StaleLease
from service.store import journal
from service.store.database import Database
from sweeps.journal import Entry

STRANGE = (math.nan, math.inf, -math.inf, 5e-324, 1.7976931348623157e308, 0.1 + 0.2)


def lines(count: int) -> list[Entry]:
    """A trial that reports `count` times."""
    points = [reported(0, make_report(point)) for point in range(1, count + 1)]
    return Writer().entries(asked(0), started(0), *points, ended(0))


def test_the_same_entries_at_once_are_stored_once(
    host: Host, user: Client, agent: Client, database: Database
) -> None:
    """Drivers send again what they heard no answer to, cut in other places."""
    sweep = user.create_sweep(make_spec()).id
    token = take(agent).token
    entries = lines(40)
    barrier = threading.Barrier(8)

    def send(number: int) -> int:
        barrier.wait(20)
        seq, size = 0, 3 + number
        with host.client(AGENT, timeout=60) as client:
            while seq < len(entries):
                seq = client.append(sweep, token, entries[seq : seq + size])
        return seq

    with ThreadPoolExecutor(8) as pool:
        assert set(pool.map(send, range(8))) == {len(entries)}
    with database.read() as session:
        stored = journal.page(session, sweep, 0, 1000)
    assert [entry.model_dump_json() for entry in stored] == [
        entry.model_dump_json() for entry in entries
    ]
    (trial,) = user.list_trials(sweep).items
    assert (trial.state, trial.point) == ("DONE", 40)


def test_only_the_newest_lease_writes(host: Host, user: Client, agent: Client) -> None:
    """An old driver and its successor send at once; each entry is the one or the other's."""
    sweep = user.create_sweep(make_spec()).id
    old = take(agent).token
    entries = lines(20)
    agent.append(sweep, old, entries[:2])
    stop, told = threading.Event(), []

    def haunt() -> None:
        seq = 2
        with host.client(AGENT, timeout=60) as client:
            while not stop.is_set():
                try:
                    seq = client.append(sweep, old, entries[seq : seq + 1])
                except StaleLease as error:
                    told.append(error)
                    return
                except JournalGap as error:
                    seq = int(error.extra["expected_seq"]) - 1

    ghost = threading.Thread(target=haunt)
    ghost.start()
    agent.release(sweep, old)
    new = take(agent).token
    seq = user.get_sweep(sweep).journal_seq
    assert agent.append(sweep, new, entries[seq:]) == len(entries)
    ghost.join(20)
    stop.set()
    assert new == old + 1
    assert len(told) == 1
    assert [entry.seq for entry in user.entries(sweep)] == list(range(1, len(entries) + 1))


def test_numbers_that_json_does_not_have_come_back(user: Client, agent: Client) -> None:
    sweep = user.create_sweep(make_spec()).id
    token = take(agent).token
    for number, value in enumerate(STRANGE):
        seq = user.get_sweep(sweep).journal_seq
        report = make_report(1, loss=value, norm=None, eval_loss=value, other=value)
        bodies = [asked(number), started(number), reported(number, report), ended(number)]
        agent.append(sweep, token, Writer(seq).entries(*bodies))
    shown = list(user.every_trial(sweep))
    assert [repr(trial.value) for trial in shown] == [repr(value) for value in STRANGE]
    assert [repr(trial.loss) for trial in shown] == [repr(value) for value in STRANGE]
    assert {trial.grad_norm for trial in shown} == {None}
    told = [user.get_trial(trial.id).reports[0].report for trial in shown]
    assert [repr(report.metrics["other"]) for report in told] == [repr(value) for value in STRANGE]
    assert {report.window.grad_norm for report in told} == {None}
