from __future__ import annotations

import signal
import socket
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from sweepctl import child
from sweepctl.child import Child
from sweepctl.exits import CliError
from sweepctl.guard import InterruptError, Signals
from sweepctl.stack import Options, Stack, python
from sweepctl.state import StateFolder


class Quiet(Signals):
    """Takes no signals from pytest."""

    def __init__(self) -> None:
        self.seen: list[signal.Signals] = []


@pytest.fixture
def signals() -> Quiet:
    return Quiet()


@pytest.fixture
def stack(tmp_path: Path, signals: Quiet) -> Iterator[Stack]:
    state = StateFolder(tmp_path / "state")
    state.open()
    yield Stack(state, Options([tmp_path], slots=3), signals, lambda line: None)
    state.close()


def code(text: str) -> list[str]:
    return [sys.executable, "-c", text]


def test_a_command_that_fails_shows_the_end_of_its_log(stack: Stack) -> None:
    with pytest.raises(CliError, match="thing ended with 4\nwhat went wrong") as caught:
        stack.run("thing", code("print('what went wrong'); raise SystemExit(4)"), stack.base, 20)
    assert str(stack.state.logs / "thing.log") in str(caught.value.hint)
    stack.run("thing", code(""), stack.base, 20)


def test_a_command_that_takes_too_long(stack: Stack) -> None:
    with pytest.raises(CliError, match=r"slow is not done after 0\.3 s"):
        stack.run("slow", code("import time; time.sleep(60)"), stack.base, 0.3)
    began = time.monotonic()
    # In a process of its own: it adopts and ends everything below it.
    for one in stack._started:
        assert one.stop(5, lambda: time.sleep(0.05))
    assert time.monotonic() - began < 5


def test_a_signal_ends_the_waiting(stack: Stack, signals: Quiet) -> None:
    signals.seen.append(signal.SIGTERM)
    with pytest.raises(InterruptError) as caught:
        stack.run("slow", code("import time; time.sleep(60)"), stack.base, 20)
    assert caught.value.signum is signal.SIGTERM
    with pytest.raises(InterruptError):
        stack.tick()
    for one in stack._started:
        one.stop(5, lambda: time.sleep(0.05))


def test_a_child_that_keeps_dying_ends_it_all(
    stack: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(child, "RESTARTS", 0)
    bad = Child("bad", code("print('no luck'); raise SystemExit(3)"), stack.base, stack.state.logs)
    bad.start(stack.state.root)
    stack._started.append(bad)
    deadline = time.monotonic() + 20
    with pytest.raises(CliError, match="bad keeps dying; its log ends:\nno luck"):  # noqa: PT012
        while time.monotonic() < deadline:
            stack.tick()


def test_everything_is_on_loopback_and_in_the_state_folder(stack: Stack) -> None:
    root = str(stack.state.root)
    assert stack.url.startswith("http://127.0.0.1:")
    assert stack.mlflow.argv[:5] == [*python("mlflow"), "server"]
    assert "--host=127.0.0.1" in stack.mlflow.argv
    assert f"--backend-store-uri=sqlite:///{root}/mlflow.db" in stack.mlflow.argv
    assert stack.mlflow.env["MLFLOW_DISABLE_TELEMETRY"] == "true"
    assert stack.agent.env["SWEEP_SERVICE_URL"] == stack.url
    assert stack.agent.env["MLFLOW_TRACKING_URI"] == stack.mlflow_url
    assert stack.agent.env["SWEEP_SLOTS"] == "3"
    assert stack.service.env["SWEEP_HOST"] == "127.0.0.1"
    token = stack.state.user_token.read_text().strip()
    for one in (stack.service, stack.mlflow, stack.agent):
        assert token not in " ".join([*one.argv, *one.env.values()]), "secrets stay in files"


def test_a_port_that_is_taken_is_said(tmp_path: Path, signals: Quiet) -> None:
    state = StateFolder(tmp_path)
    state.open()
    port = state.port("service", None)[0]
    said: list[str] = []
    with socket.socket() as server:
        server.bind(("127.0.0.1", port))
        server.listen()
        stack = Stack(state, Options(), signals, said.append)
    assert not stack.url.endswith(f":{port}")
    assert said == [f"port {port} of service is taken now; using {stack.url.rpartition(':')[2]}"]
    state.close()
