"""A driver takes longer to start than a lease lasts, and keeps its sweep all the same."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO

import pytest
from service_support import (
    AGENT,
    Host,
    hosted,
    make_offer,
    make_settings,
    make_spec,
    migrated,
    take,
)

from service.client import Client
from workers.starting import Starting

LEASE_SECONDS = 0.5


@pytest.fixture
def host(tmp_path: Path) -> Iterator[Host]:
    settings = make_settings(tmp_path, lease_seconds=LEASE_SECONDS, renew_seconds=0.1)
    with hosted(migrated(settings)) as found:
        yield found


@pytest.fixture
def client(host: Host) -> Iterator[Client]:
    with host.client() as user:
        user.create_sweep(make_spec())
    with host.client(AGENT) as found:
        yield found


def given(text: bytes = b"lease") -> IO[bytes]:
    file = TemporaryFile()  # noqa: SIM115 - `Starting` closes it
    file.write(text)
    file.seek(0)
    return file


def for_a_while(starting: Starting, living: list[str]) -> None:
    end = time.monotonic() + 3 * LEASE_SECONDS
    while time.monotonic() < end:
        starting.renew(living)
        time.sleep(0.02)


def test_a_driver_that_has_not_read_its_lease_keeps_it(client: Client) -> None:
    lease, starting = take(client), Starting(client)
    starting.add(lease, given())
    for_a_while(starting, [lease.sweep])
    assert client.claim(make_offer("other")) is None


def test_a_driver_that_has_read_it_renews_itself(client: Client) -> None:
    lease, starting, text = take(client), Starting(client), given()
    starting.add(lease, text)
    text.read()
    for_a_while(starting, [lease.sweep])
    assert client.claim(make_offer("other")) is not None
    assert text.closed


def test_a_driver_that_ended_keeps_nothing(client: Client) -> None:
    lease, starting, text = take(client), Starting(client), given()
    starting.add(lease, text)
    for_a_while(starting, [])
    assert client.claim(make_offer("other")) is not None
    assert text.closed


def test_a_driver_that_hangs_keeps_nothing(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("workers.starting.HANGS_SECONDS", LEASE_SECONDS)
    lease, starting = take(client), Starting(client)
    starting.add(lease, given())
    for_a_while(starting, [lease.sweep])
    for_a_while(starting, [lease.sweep])
    assert client.claim(make_offer("other")) is not None


def test_another_s_lease_is_left_to_it(client: Client) -> None:
    lease, starting, text = take(client), Starting(client), given()
    starting.add(lease, text)
    time.sleep(LEASE_SECONDS)
    assert client.claim(make_offer("other")) is not None
    time.sleep(0.1)
    starting.renew([lease.sweep])
    assert text.closed


def test_a_service_that_is_away_is_asked_again(host: Host, client: Client) -> None:
    lease, starting, text = take(client), Starting(client), given()
    starting.add(lease, text)
    host.stop()
    time.sleep(0.2)
    starting.renew([lease.sweep])
    assert not text.closed
