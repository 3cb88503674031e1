"""The client against a worker's end that is played by hand; whole trials: test_command.py."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from recipe_support import make_run

from workers.bring import client
from workers.bring.client import Paused, Stopped, Trial
from workers.bring.environment import trial_of

STEP: dict[str, Any] = {
    "samples": 4, "tokens": 0, "loss": 0.5, "grad_norm": None, "learning_rate": 0.1,
}  # fmt: skip


class Worker:
    """Sends its orders one by one: each after a line was heard."""

    def __init__(self, path: Path, orders: list[Any]) -> None:
        self.heard: list[Any] = []
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(str(path))
        self._listener.listen()
        self._orders = orders
        self._thread = threading.Thread(target=self._play, daemon=True)
        self._thread.start()

    def _play(self) -> None:
        link, _ = self._listener.accept()
        with link, link.makefile("rwb") as lines:
            self.heard.append(json.loads(lines.readline()))
            for order in self._orders:
                self.heard.append(json.loads(lines.readline()))
                lines.write(json.dumps(order).encode() + b"\n")
                lines.flush()


Start = Callable[..., tuple[Trial, Worker]]


@pytest.fixture
def start(tmp_path: Path) -> Start:
    def make(*orders: Any, resume: Path | None = None) -> tuple[Trial, Worker]:
        worker = Worker(tmp_path / "socket", list(orders))
        facts = trial_of(make_run(tmp_path, params={"width": 3}).context, {"train": "x"}, resume)
        return Trial(json.loads(json.dumps(facts)), str(tmp_path / "socket")), worker

    return make


def test_it_does_what_it_is_told(start: Start, tmp_path: Path) -> None:
    orders = [{"order": "evaluate"}, {"order": "save", "folder": str(tmp_path)}, {"order": "pause"}]
    trial, worker = start(*orders)
    trial.register_state(lambda folder: (folder / "state").touch(), lambda folder: None)
    with pytest.raises(Paused) as pause:
        trial.step(**STEP, evaluate=lambda: {"eval_loss": 1.0})
    assert pause.value.code is None, "the program ends without an error"
    assert (tmp_path / "state").exists()
    rank, step, metrics, saved = worker.heard
    assert (rank, metrics, saved) == (
        {"rank": 0}, {"metrics": {"eval_loss": 1.0}}, {"saved": True},
    )  # fmt: skip
    assert (step["step"], step["reply"], step["evaluates"]) == (1, True, True)
    assert (trial.steps_done, trial.samples_seen) == (1, 4)


def test_it_knows_its_trial_and_reads_its_state(start: Start, tmp_path: Path) -> None:
    trial, _ = start(resume=tmp_path)
    assert trial.params["width"] == 3
    assert (trial.plan.steps, trial.plan.global_batch_size) == (6, 4)
    assert trial.evaluation.max_examples == 500
    assert trial.paths == {"train": "x"}
    found: list[Path] = []
    trial.register_state(lambda folder: None, found.append)
    assert found == [tmp_path]


def test_a_stop_and_a_worker_that_is_gone_end_it(start: Start) -> None:
    trial, _ = start({"order": "go_on"}, {"order": "stop"})
    trial.step(**STEP)
    with pytest.raises(Stopped) as stop:
        trial.step(**STEP)
    assert not isinstance(stop.value, Paused)


def test_a_worker_that_is_gone_ends_it(start: Start) -> None:
    trial, _ = start({"order": "go_on"})
    trial.step(**STEP)
    with pytest.raises((Stopped, OSError)):
        trial.step(**STEP)


def test_without_a_way_to_save_it_says_so(start: Start) -> None:
    trial, _ = start({"order": "save", "folder": "/nowhere"})
    with pytest.raises(RuntimeError, match="resumes: false"):
        trial.step(**STEP)


def test_of_several_processes_the_others_follow(
    start: Start, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("RANK", "1")
    (left, right) = socket.socketpair()
    trial, worker = start()
    assert worker._thread.join(10) is None
    trial._lines = left.makefile("rwb")
    saved: list[Path] = []
    trial.register_state(saved.append, lambda folder: None)
    orders = [{"order": "evaluate"}, {"order": "save", "folder": "x"}, {"order": "go_on"}]
    right.sendall(b"".join(json.dumps(order).encode() + b"\n" for order in orders))
    measured: list[int] = []
    trial.step(**STEP, evaluate=lambda: measured.append(1) or {})
    assert (worker.heard, measured, saved) == ([{"rank": 1}], [1], [Path("x")])
    right.setblocking(False)
    with pytest.raises(BlockingIOError):
        right.recv(1)


def test_outside_of_a_sweep_it_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TRIAL_JSON", raising=False)
    with pytest.raises(RuntimeError, match="this runs as a trial of a sweep"):
        Trial.from_environment()


def test_a_copy_of_it_needs_nothing_but_python(tmp_path: Path) -> None:
    (tmp_path / "client.py").write_bytes(Path(client.__file__).read_bytes())
    code = "import client, sys; assert not {'workers', 'sweeps', 'pydantic'} & set(sys.modules)"
    done = subprocess.run(
        [sys.executable, "-ISc", f"import sys; sys.path.insert(0, '.'); {code}"], cwd=tmp_path
    )
    assert done.returncode == 0
