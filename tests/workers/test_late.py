"""When the agent starts `workers.shipping`; what that does is in test_shipping.py."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from service_support import AGENT, Host, hosted, make_settings, make_spec, migrated, until

from service.client import Client
from workers import late as looking
from workers.late import LateShipping
from workers.leftovers import Leftovers
from workers.settings import WorkerSettings


@pytest.fixture(scope="module")
def host(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Host]:
    folder = tmp_path_factory.mktemp("service")
    with hosted(migrated(make_settings(folder, lease_seconds=600))) as found:
        yield found


class Starts:
    """Stands in for the process: notes what it was given, and ends with `code`."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.given: list[list[str]] = []
        self.code = "raise SystemExit(0)"
        real = subprocess.Popen

        def start(words: list[str], **more: Any) -> subprocess.Popen[bytes]:
            assert words[:3] == [sys.executable, "-m", "workers.shipping"]
            self.given.append(words[3:])
            return real([sys.executable, "-c", self.code], **more)

        monkeypatch.setattr("workers.late.subprocess.Popen", start)


@pytest.fixture
def starts(monkeypatch: pytest.MonkeyPatch) -> Starts:
    monkeypatch.setattr(looking, "LOOK_SECONDS", 0.05)
    return Starts(monkeypatch)


@pytest.fixture
def late(host: Host, tmp_path: Path) -> Iterator[LateShipping]:
    made = LateShipping(WorkerSettings(storage=tmp_path), host.client(AGENT))
    yield made
    made.stop()


def test_marked_sweeps_that_ended_and_no_others_are_shipped(
    host: Host, tmp_path: Path, starts: Starts, late: LateShipping
) -> None:
    marks = Leftovers(tmp_path)
    with host.client() as user:
        ended, driven, queued = (user.create_sweep(make_spec()).id for _ in range(3))
        unmarked = user.create_sweep(make_spec()).id
        for sweep in (ended, driven, unmarked):
            user.cancel(sweep)
    for sweep in (ended, driven, queued, "swp_" + "0" * 32):
        marks.mark(sweep)
    late.look([driven])
    assert starts.given == [[ended]]
    marks.clear(ended)
    until(lambda: bool(late.look([driven]) or late._child is None))
    late.look([driven])
    assert starts.given == [[ended]]


def test_what_cannot_be_deleted_ends_no_agent(
    host: Host,
    tmp_path: Path,
    starts: Starts,
    late: LateShipping,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Another process may write into the folder, or its disk be away for a while."""
    with host.client() as user:
        sweep = user.create_sweep(make_spec()).id
        user.cancel(sweep)
    Leftovers(tmp_path).mark(sweep)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    late.look([])

    def refuse(*_: object, **__: object) -> None:
        raise OSError(errno.ENOTEMPTY, "Directory not empty")

    monkeypatch.setattr(os, "rmdir", refuse)
    late.stop()
    assert list(tmp_path.glob("sweepctl-shipping-*")), "it could not"


def test_one_that_fails_is_tried_again_later_and_later(
    host: Host, tmp_path: Path, starts: Starts, late: LateShipping
) -> None:
    starts.code = "raise SystemExit(75)"
    with host.client() as user:
        sweep = user.create_sweep(make_spec()).id
        user.cancel(sweep)
    Leftovers(tmp_path).mark(sweep)
    until(lambda: bool(late.look([]) or len(starts.given) >= 3))
    assert late._wait >= 4 * looking.LOOK_SECONDS
    starts.code = "raise SystemExit(0)"
    count = len(starts.given)
    until(lambda: bool(late.look([]) or len(starts.given) > count + 1))
    assert late._wait == looking.LOOK_SECONDS


def test_a_driver_of_the_sweep_goes_first(
    host: Host, tmp_path: Path, starts: Starts, late: LateShipping
) -> None:
    starts.code = "import time; time.sleep(60)"
    with host.client() as user:
        sweep = user.create_sweep(make_spec()).id
        user.cancel(sweep)
    Leftovers(tmp_path).mark(sweep)
    late.look([])
    child = late._child
    assert child is not None
    late.look([])
    assert len(starts.given) == 1
    late.yield_to("swp_" + "0" * 32)
    assert child.poll() is None
    late.yield_to(sweep)
    assert child.poll() is not None


def test_what_a_killed_one_was_drawing_does_not_stay(
    host: Host,
    tmp_path: Path,
    starts: Starts,
    late: LateShipping,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    starts.code = "import tempfile, time; tempfile.mkdtemp(prefix='drawn-'); time.sleep(60)"
    with host.client() as user:
        sweep = user.create_sweep(make_spec()).id
        user.cancel(sweep)
    Leftovers(tmp_path).mark(sweep)
    late.look([])
    until(lambda: any(tmp_path.glob("sweepctl-shipping-*/drawn-*")))
    late.stop()
    assert not any(tmp_path.glob("sweepctl-shipping-*"))


def test_a_service_that_is_away_harms_nothing(tmp_path: Path, starts: Starts) -> None:
    Leftovers(tmp_path).mark("swp_" + "0" * 32)
    late = LateShipping(WorkerSettings(storage=tmp_path), Client("http://127.0.0.1:9", "x"))
    late.look([])
    assert starts.given == []
