from __future__ import annotations

import logging
import sqlite3
import threading
from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from service_support import (
    AGENT,
    USER,
    Host,
    hosted,
    make_offer,
    make_settings,
    make_spec,
    migrated,
    until,
)

from service.client import Client
from service.schemas import Lease
from service.settings import Settings
from sweeps.journal import Asked, AttemptStarted, Body, Entry, Prepared
from workers.book import Book
from workers.sinks.service_sink import ServiceSink


def entry_of(seq: int, body: Body) -> Entry:
    return Entry(seq=seq, at="2026-01-01T00:00:00Z", body=body)


def line(seq: int) -> Entry:
    body = Prepared(horizon_samples=320) if seq == 1 else Asked(trial=seq - 2, params={})
    return entry_of(seq, body)


class Shipping:
    """A service with one claimed sweep, and a sink that ships to it."""

    def __init__(self, folder: Path, **changes: Any) -> None:
        self.settings: Settings = migrated(make_settings(folder, lease_seconds=600, **changes))
        self.host = Host(self.settings)
        self.host.start()
        with self.host.client() as user:
            user.create_sweep(make_spec())
        self.client = Client(self.host.url, AGENT, timeout=2.0)
        lease = self.client.claim(make_offer())
        assert lease is not None
        self.lease: Lease = lease
        self.seen: list[int] = []
        self.lost = threading.Event()
        self.book = Book(folder / "spool" / "journal.jsonl", [])
        self.put_aside: list[bool] = []

    def aside(self) -> None:
        """What the driver gives; remembers whether the loss was known before."""
        self.put_aside.append(self.lost.is_set())
        self.book.put_aside()

    def sink(
        self, stored: int = 0, token: int | None = None, client: Client | None = None
    ) -> ServiceSink:
        return ServiceSink(
            client or self.client,
            self.lease.sweep,
            self.lease.token if token is None else token,
            stored,
            lambda entry: self.seen.append(entry.seq),
            self.lost,
            aside=self.aside,
        )


@pytest.fixture
def shipping(tmp_path: Path) -> Iterator[Shipping]:
    found = Shipping(tmp_path, max_journal_bytes=4096)
    yield found
    found.client.close()
    if found.host.thread.is_alive():
        found.host.stop()


def test_entries_arrive_in_order_and_are_acknowledged_after(shipping: Shipping) -> None:
    sink = shipping.sink()
    for seq in range(1, 31):
        sink.take(line(seq))
    assert sink.close(20)
    assert shipping.seen == list(range(1, 31))
    assert [e.seq for e in shipping.client.entries(shipping.lease.sweep)] == shipping.seen


def test_what_the_service_has_is_acknowledged_and_not_sent(shipping: Shipping) -> None:
    shipping.client.append(shipping.lease.sweep, shipping.lease.token, [line(1), line(2)])
    sink = shipping.sink(stored=2)
    for seq in (1, 2, 3):
        sink.take(line(seq))
    assert sink.close(20)
    assert shipping.seen == [1, 2, 3]


def test_entries_wait_while_the_service_is_away(shipping: Shipping) -> None:
    sink = shipping.sink()
    sink.take(line(1))
    until(lambda: shipping.seen == [1])
    port = shipping.host.socket.getsockname()[1]
    shipping.host.stop()
    for seq in (2, 3, 4):
        sink.take(line(seq))
    assert not sink.close(0.5)
    assert shipping.seen == [1]
    with hosted(shipping.settings, port):
        until(lambda: shipping.seen == [1, 2, 3, 4])
    assert not shipping.lost.is_set()


def test_a_stale_token_stops_it(shipping: Shipping) -> None:
    sink = shipping.sink(token=shipping.lease.token - 1)
    sink.take(line(1))
    until(shipping.lost.is_set)
    assert not sink.close(5)
    assert not shipping.seen
    assert not shipping.put_aside
    assert (shipping.book.folder / "journal.jsonl").exists()


def test_a_sweep_that_is_gone_stops_it(shipping: Shipping) -> None:
    shipping.lease = shipping.lease.model_copy(update={"sweep": "swp_" + "0" * 32})
    sink = shipping.sink()
    sink.take(line(1))
    until(shipping.lost.is_set)
    assert not sink.close(5)
    assert not shipping.put_aside


@pytest.mark.parametrize(
    "bad",
    [
        pytest.param([line(1), entry_of(2, AttemptStarted(trial=7, attempt=1))], id="refused"),
        pytest.param([entry_of(1, Prepared(horizon_samples=7))], id="mismatch"),
        pytest.param([line(1), entry_of(2, Asked(trial=0, params={"x": "y" * 5000}))], id="large"),
    ],
)
def test_a_refused_entry_stops_it_and_puts_the_spool_aside(
    shipping: Shipping, bad: Sequence[Entry]
) -> None:
    shipping.client.append(shipping.lease.sweep, shipping.lease.token, [line(1)])
    sink = shipping.sink()
    for entry in bad:
        sink.take(entry)
    until(shipping.lost.is_set)
    assert not sink.close(5)
    assert shipping.put_aside == [False]
    names = [path.name for path in shipping.book.folder.iterdir()]
    assert len(names) == 1
    assert names[0].startswith("journal.refused-")
    assert [e.seq for e in shipping.client.entries(shipping.lease.sweep)] == [1]


def copy_of(database: Path) -> bytes:
    """What a backup of a SQLite file holds, made while the service runs."""
    backup = database.with_name("backup.db")
    with closing(sqlite3.connect(database)) as wire:
        wire.execute(f"VACUUM INTO '{backup}'")
    return backup.read_bytes()


@pytest.mark.parametrize("driver", ["lives on", "is started again"])
def test_an_older_database_gets_again_what_the_spool_has(
    shipping: Shipping, tmp_path: Path, driver: str
) -> None:
    """A restore loses none of what the driver wrote since the backup."""
    sink = shipping.sink()
    shipping.book.attach(sink)
    for seq in range(1, 4):
        shipping.book.append(line(seq).body)
    until(lambda: shipping.seen == [1, 2, 3])
    database = tmp_path / "sweeps.db"
    backup = copy_of(database)
    shipping.book.append(line(4).body)
    until(lambda: shipping.seen == [1, 2, 3, 4])
    port = shipping.host.socket.getsockname()[1]
    shipping.host.stop()
    for part in tmp_path.glob("sweeps.db*"):
        part.unlink()
    database.write_bytes(backup)
    with hosted(shipping.settings, port):
        assert [e.seq for e in shipping.client.entries(shipping.lease.sweep)] == [1, 2, 3]
        if driver == "lives on":
            shipping.book.append(line(5).body)
            until(shipping.lost.is_set)
            assert not shipping.put_aside
        shipping.client.release(shipping.lease.sweep, shipping.lease.token)
        lease = shipping.client.claim(make_offer())
        assert lease is not None
        stored = list(shipping.client.entries(lease.sweep))
        shipping.lost.clear()
        book = Book(shipping.book.folder / "journal.jsonl", stored)
        again = shipping.sink(len(stored), lease.token)
        book.attach(again)
        assert again.close(20)
        found = list(shipping.client.entries(lease.sweep))
        assert found == book.entries
        assert len(found) == (5 if driver == "lives on" else 4)


@pytest.mark.parametrize("token", ["wrong", USER])
def test_a_token_being_changed_is_waited_for(
    shipping: Shipping, token: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING, "workers.sinks.service_sink")
    with shipping.host.client(token) as client:
        sink = shipping.sink(client=client)
        sink.take(line(1))
        until(lambda: caplog.text.count("did not take entry 1") >= 2)
        assert not shipping.lost.is_set()
        assert not shipping.put_aside
        shipping.lost.set()
        sink.close(20)
