"""What of the demo needs no training; the whole of it runs in tests/end_to_end."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from asking import Cli, Service, make_trial

from service.schemas import SweepDetail
from sweepctl.demo import _line
from sweepctl.state import StateFolder
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
