"""What of the demo needs no training; the whole of it runs in tests/end_to_end."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
from asking import Cli, Service, make_trial

from service.client import Client
from service.schemas import SweepDetail
from sweepctl.demo import _follow, _line
from sweepctl.exits import CliError
from sweepctl.stack import Stack
from sweepctl.state import StateFolder, free_port
from sweeps.lifecycle import TrialState


@pytest.fixture
def sweep(service: Service) -> SweepDetail:
    with service.client() as client:
        return client.get_sweep(service.sweeps["done"].id)


def test_a_line_for_each_change(sweep: SweepDetail) -> None:
    ended = make_trial(3, state=TrialState.STOPPED, reason="pruned", value=2.5)
    assert _line(sweep, ended) == (
        "[ 5 ended] trial  3 STOPPED (pruned) learning_rate=0.1 eval_loss=2.5"
    )
    assert _line(sweep, make_trial(12)) == "[ 5 ended] trial 12 RUNNING learning_rate=0.1"


def test_a_folder_in_use_is_refused(tmp_path: Path) -> None:
    state = StateFolder(tmp_path)
    state.open()
    done = subprocess.run(
        [sys.executable, "-m", "sweepctl", "demo", "--state", str(tmp_path)],
        env={**os.environ, "XDG_CONFIG_HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 1
    assert "another `sweepctl up`" in done.stderr
    state.close()


def test_a_bad_timeout_is_told_before_anything_starts(bare: Cli) -> None:
    result = bare("demo", "--timeout", "soon")
    assert result.exit_code == 2
    assert "--timeout soon" in result.stderr


class Flaky(Stack):
    """A stack whose service is away at first."""

    def __init__(self, service: Service) -> None:
        self._clients = [Client(f"http://127.0.0.1:{free_port()}", retries=0), service.client()]

    def client(self, timeout: float = 10.0, retries: int = 2) -> Client:
        return self._clients.pop(0)

    def tick(self) -> None:
        time.sleep(0.1)


def test_following_outlives_a_service_that_is_started_again(
    service: Service, capsys: pytest.CaptureFixture[str]
) -> None:
    _follow(Flaky(service), service.sweeps["done"].id, None)
    lines = capsys.readouterr().err.splitlines()
    assert lines[0].startswith("waiting for the service: ")
    assert len(lines) == 6, "one for each trial"


def test_following_has_a_deadline(service: Service) -> None:
    with pytest.raises(CliError) as caught:
        _follow(Flaky(service), service.sweeps["running"].id, time.monotonic() + 0.5)
    assert caught.value.code == 124
