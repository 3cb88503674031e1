from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from service_support import (
    AGENT,
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
from sweeps.journal import Asked, Entry, Prepared
from workers.sinks.service_sink import ServiceSink


def line(seq: int) -> Entry:
    body = Prepared(horizon_samples=320) if seq == 1 else Asked(trial=seq - 2, params={})
    return Entry(seq=seq, at="2026-01-01T00:00:00Z", body=body)


class Shipping:
    """A service with one claimed sweep, and a sink that ships to it."""

    def __init__(self, folder: Path) -> None:
        self.settings: Settings = migrated(make_settings(folder, lease_seconds=600))
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

    def sink(self, stored: int = 0, token: int | None = None) -> ServiceSink:
        return ServiceSink(
            self.client,
            self.lease.sweep,
            self.lease.token if token is None else token,
            stored,
            lambda entry: self.seen.append(entry.seq),
            self.lost,
        )


@pytest.fixture
def shipping(tmp_path: Path) -> Iterator[Shipping]:
    found = Shipping(tmp_path)
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


def test_a_refused_entry_stops_it(shipping: Shipping) -> None:
    sink = shipping.sink()
    sink.take(line(5))  # a gap
    until(shipping.lost.is_set)
    assert not sink.close(5)
