from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import httpx
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
from service.schemas import Lease, Tracking
from sweeps.conductor import Command
from sweeps.lifecycle import SweepState
from workers.lease import LeaseKeeper


@pytest.fixture
def claimed(tmp_path: Path):  # type: ignore[no-untyped-def]
    """A service whose leases last a second, with one sweep claimed by us."""
    settings = migrated(make_settings(tmp_path, lease_seconds=1.0, renew_seconds=0.1))
    with hosted(settings) as host, host.client() as user, host.client(AGENT) as agent:
        user.create_sweep(make_spec())
        lease = agent.claim(make_offer())
        assert lease is not None
        yield host, user, agent, lease


Claimed = tuple[Host, Client, Client, Lease]


def test_a_kept_lease_outlives_its_term_and_brings_commands_and_links(claimed: Claimed) -> None:
    _, user, agent, lease = claimed
    keeper = LeaseKeeper(agent, lease)
    keeper.start()
    keeper.tracking = Tracking(experiment_id="1", run_id="abc", url="http://127.0.0.1:1/#/x")
    time.sleep(1.5)  # longer than the lease
    assert agent.claim(make_offer("other")) is None
    accepted = user.pause(lease.sweep)
    until(lambda: not keeper.commands.empty())
    assert keeper.commands.get() == Command(accepted.id, "pause", None)
    tracking = user.get_sweep(lease.sweep).tracking
    assert tracking is not None
    assert tracking.run_id == "abc"
    keeper.stop()
    assert not keeper.lost.is_set()


def test_settings_that_a_user_changes_arrive(claimed: Claimed) -> None:
    host, _, agent, lease = claimed
    keeper = LeaseKeeper(agent, lease)
    assert (keeper.slots, keeper.max_parallel) == (4, None)
    keeper.start()
    change = {"max_parallel": 2, "budget": {"trials": 7}}
    headers = {"Authorization": f"Bearer {USER}", "If-Match": "*"}
    path = f"{host.url}/api/v1/sweeps/{lease.sweep}"
    assert httpx.patch(path, json=change, headers=headers).status_code == 200
    until(lambda: (keeper.slots, keeper.max_parallel) == (2, 2))
    command = keeper.commands.get(timeout=10)
    assert (command.kind, command.trial, command.trials) == ("set_budget", None, 7)
    keeper.stop()


def test_a_lease_that_went_to_another_is_lost(claimed: Claimed) -> None:
    _, _, agent, lease = claimed
    keeper = LeaseKeeper(agent, lease)
    until(lambda: agent.claim(make_offer("other")) is not None)
    keeper.start()
    until(keeper.lost.is_set)
    keeper.stop()


def test_a_service_that_does_not_answer_is_no_loss(claimed: Claimed) -> None:
    host, _, _, lease = claimed
    keeper = LeaseKeeper(Client("http://127.0.0.1:9", AGENT, timeout=0.2, retries=0), lease)
    keeper.start()
    time.sleep(0.5)
    assert not keeper.lost.is_set()
    assert keeper.slots == lease.slots
    keeper.stop()
    assert host.url


def test_a_keeper_is_sure_until_the_term_of_its_last_renewal_is_over(claimed: Claimed) -> None:
    host, _, agent, lease = claimed
    keeper = LeaseKeeper(agent, lease)
    assert not keeper.sure(), "nobody knows how long ago it was claimed"
    keeper.start()
    assert keeper.sure()
    time.sleep(1.5)  # longer than the lease
    assert keeper.sure()
    host.stop()
    time.sleep(1.2)
    assert not keeper.sure()
    assert not keeper.lost.is_set()
    keeper.stop()


def test_a_service_that_comes_back_with_shorter_leases(tmp_path: Path) -> None:
    """A driver that renewed as seldom as before would lose its sweep to any other agent."""
    settings = migrated(make_settings(tmp_path, lease_seconds=30, renew_seconds=1))
    with hosted(settings) as host, host.client() as user:
        user.create_sweep(make_spec())
        port = host.socket.getsockname()[1]
        agent = host.client(AGENT)
        lease = agent.claim(make_offer())
        assert lease is not None
        keeper = LeaseKeeper(agent, lease)
        keeper.start()
    shorter = settings.model_copy(update={"lease_seconds": 0.8, "renew_seconds": 0.1})
    with hosted(shorter, port) as host, host.client(AGENT) as other:
        until(lambda: keeper.sure() and other.get_sweep(lease.sweep).driven)
        time.sleep(1.5)  # until the first renewal under the new terms, and longer than those
        for _ in range(20):
            assert other.claim(make_offer("other")) is None
            time.sleep(0.05)
        assert keeper.sure()
        keeper.stop()
        assert not keeper.lost.is_set()
    agent.close()


@pytest.mark.parametrize("hours", [-24, 24])
def test_a_clock_that_jumps_on_the_drivers_machine(
    claimed: Claimed, monkeypatch: pytest.MonkeyPatch, hours: int
) -> None:
    """The keeper counts seconds that pass, and does not read the time of day."""
    host, _, agent, lease = claimed
    keeper = LeaseKeeper(agent, lease)
    keeper.start()
    right = time.time
    monkeypatch.setattr("workers.lease.time.time", lambda: right() + 3600 * hours)
    # The service in this process asks `datetime`, whose clock stays right.
    assert keeper.sure()
    time.sleep(1.5)  # longer than the lease
    assert keeper.sure()
    host.stop()
    time.sleep(1.2)
    assert not keeper.sure()
    keeper.stop()


def test_a_keeper_of_a_lost_lease_is_not_sure(claimed: Claimed) -> None:
    _, _, agent, lease = claimed
    until(lambda: agent.claim(make_offer("other")) is not None)
    keeper = LeaseKeeper(agent, lease)
    keeper.start()
    assert keeper.lost.is_set()
    assert not keeper.sure()
    keeper.stop()


class Newer(BaseHTTPRequestHandler):
    """A service of a later version: its first renewals hold a command that we do not know."""

    answered = 0

    def do_POST(self) -> None:
        """Renewals are all that is asked."""
        type(self).answered += 1
        self.rfile.read(int(self.headers["Content-Length"]))
        old = type(self).answered > 2
        command = {"id": "c", "kind": "pause" if old else "brand_new", "trial": None}
        body = json.dumps({"slots": 7, "commands": [command], "expires_in": 30.0}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Quiet."""


@pytest.fixture
def newer() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Newer)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join(10)
    server.server_close()


def test_an_answer_it_cannot_read_is_no_loss(newer: str) -> None:
    lease = Lease(
        sweep="swp_" + "0" * 32,
        spec=make_spec(),
        state=SweepState.RUNNING,
        token=1,
        slots=4,
        expires_in=30,
        renew_every=0.05,
        commands=[],
        tracking=None,
    )
    with Client(newer, AGENT) as client:
        keeper = LeaseKeeper(client, lease)
        keeper.start()
        until(lambda: keeper.slots == 7)
        assert keeper.commands.get(timeout=10).kind == "pause"
        assert not keeper.lost.is_set()
        keeper.stop()
