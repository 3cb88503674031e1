from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import pytest
from tracking import until

from workers.figures import redraw as module
from workers.figures.redraw import Redraw


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """The commands that were started. In their place a real process runs that only waits."""
    found: list[list[str]] = []
    real = subprocess.Popen

    def start(command: list[str], **how: object) -> subprocess.Popen[bytes]:
        found.append(command)
        return real([sys.executable, "-c", "import time; time.sleep(60)"], **how)  # type: ignore[call-overload,no-any-return]

    monkeypatch.setattr(module.subprocess, "Popen", start)
    return found


def test_nothing_is_drawn_before_it_is_due_or_without_a_run(
    tmp_path: Path, started: list[list[str]]
) -> None:
    redraw = Redraw("swp_1", tmp_path, seconds=3600)
    redraw.look("run")
    Redraw("swp_1", tmp_path, seconds=0).look(None)
    assert not started
    redraw.close()


def test_one_at_a_time_and_none_is_left_behind(tmp_path: Path, started: list[list[str]]) -> None:
    redraw = Redraw("swp_1", tmp_path, seconds=0)
    began = time.monotonic()
    for _ in range(3):
        redraw.look("run")
    assert time.monotonic() - began < 5
    assert started == [[sys.executable, "-m", "workers.figures", "swp_1", "run"]]
    child = redraw._child
    assert child is not None
    child.kill()
    child.wait()
    redraw.look("run")
    assert len(started) == 2
    second = redraw._child
    redraw.close()
    assert second is not None
    assert second.returncode is not None


def test_a_drawing_that_fails_is_told_in_its_log(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SWEEP_SERVICE_URL", "http://127.0.0.1:9")
    monkeypatch.setenv("SWEEP_AGENT_TOKEN", "x")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:9")
    redraw = Redraw("swp_1", tmp_path, seconds=0)
    redraw.look("run")
    until(lambda: not redraw._busy(), 60)
    assert "no figures of swp_1 this time" in (tmp_path / "figures.log").read_text()


def test_a_folder_that_is_gone_is_no_error(tmp_path: Path) -> None:
    redraw = Redraw("swp_1", tmp_path / "gone", seconds=0)
    redraw.look("run")
    redraw.close()


def test_the_driver_loads_no_library_of_drawing() -> None:
    code = "import sys, workers.driver; print({'plotly', 'matplotlib'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120)
    assert done.stdout.strip() == "set()", done.stderr
