"""Writers take turns, and none waits for ever: another process has locked the SQLite file."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from service_support import (
    AGENT,
    Host,
    Writer,
    asked,
    hosted,
    make_offer,
    make_settings,
    make_spec,
    migrated,
    started,
    take,
    until,
)

from service.errors import Unavailable

BRIEF = {"database_lock_seconds": 0.3, "database_pool_seconds": 0.4}


@pytest.fixture
def brief(tmp_path: Path) -> Iterator[Host]:
    """A service of little patience."""
    with hosted(migrated(make_settings(tmp_path, **BRIEF))) as found:
        yield found


@contextmanager
def locked(host: Host) -> Iterator[None]:
    """Inside, nobody but us can write."""
    path = host.settings.database_url.removeprefix("sqlite:///")
    with closing(sqlite3.connect(path, isolation_level=None)) as wire:
        wire.execute("BEGIN IMMEDIATE")
        yield
        wire.execute("ROLLBACK")


def test_a_locked_file_is_a_clear_answer_and_nothing_is_lost(brief: Host) -> None:
    writer = Writer()
    with brief.client(retries=0) as user, brief.client(AGENT, retries=0) as agent:
        sweep = user.create_sweep(make_spec()).id
        token = take(agent).token
        agent.append(sweep, token, writer.entries(asked(0)))
        late = writer.entries(started(0))
        with locked(brief):
            for call in (
                lambda: user.create_sweep(make_spec("second"), "key"),
                lambda: user.pause(sweep),
                lambda: agent.claim(make_offer(driving=[sweep])),
                lambda: agent.renew(sweep, token),
                lambda: agent.append(sweep, token, late),
            ):
                began = time.monotonic()
                with pytest.raises(Unavailable, match="another transaction holds what"):
                    call()
                assert time.monotonic() - began < 2
            # Who only reads waits for nobody.
            assert [entry.seq for entry in user.entries(sweep)] == [1]
        assert agent.renew(sweep, token).commands == [], "a refused pause left nothing behind"
        assert agent.append(sweep, token, late) == 2
        assert user.create_sweep(make_spec("second"), "key").name == "second"
        assert len(list(user.every_sweep())) == 2


def test_one_that_waits_for_its_turn_hears_of_it(tmp_path: Path) -> None:
    """The one ahead waits for the lock, and will get it."""
    patient = {"database_lock_seconds": 10, "database_pool_seconds": 0.3}
    with (
        hosted(migrated(make_settings(tmp_path, **patient))) as host,
        host.client(retries=0) as user,
        ThreadPoolExecutor(1) as pool,
    ):
        with locked(host):
            ahead = pool.submit(user.create_sweep, make_spec("first"))
            until(host.app.state.context.gate.locked)
            with pytest.raises(Unavailable, match="other requests have been writing for too long"):
                user.create_sweep(make_spec("second"))
        assert ahead.result(20).name == "first"
        assert user.create_sweep(make_spec("second")).name == "second"


def test_a_client_tries_again_until_the_lock_is_gone(brief: Host) -> None:
    """A submission may be repeated: its key makes it one sweep."""
    with brief.client(retries=8) as user, ThreadPoolExecutor(1) as pool:
        with locked(brief):
            waiting = pool.submit(user.create_sweep, make_spec())
            time.sleep(1.5)
            assert not waiting.done()
        assert waiting.result(20).name == "toy"
        assert len(list(user.every_sweep())) == 1
