from __future__ import annotations

import socket
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from sweepctl.exits import CliError
from sweepctl.state import StateFolder, is_free


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


@contextmanager
def taken() -> Iterator[int]:
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen()
        yield server.getsockname()[1]


def test_folder_and_tokens_are_private(tmp_path: Path) -> None:
    state = StateFolder(tmp_path / "s")
    state.open()
    assert mode(state.root) == 0o700
    assert mode(state.user_token) == mode(state.agent_token) == 0o600
    user, agent = state.user_token.read_text(), state.agent_token.read_text()
    assert user != agent
    assert len(user.strip()) >= 32
    state.close()
    state.open()
    assert state.user_token.read_text() == user, "tokens outlive a restart"
    state.close()


def test_a_second_one_is_refused(tmp_path: Path) -> None:
    first = StateFolder(tmp_path)
    first.open()
    with pytest.raises(CliError, match=r"another `sweepctl up` \(process \d+\) is using") as caught:
        StateFolder(tmp_path).open()
    assert "--state" in str(caught.value.hint)
    first.close()
    again = StateFolder(tmp_path)
    again.open()
    again.close()


def test_a_file_in_its_place_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "s").write_text("")
    with pytest.raises(CliError, match="cannot be used"):
        StateFolder(tmp_path / "s").open()


def test_ports_are_kept_and_replaced_when_taken(tmp_path: Path) -> None:
    state = StateFolder(tmp_path)
    state.open()
    first, note = state.port("service", None)
    assert note is None
    assert is_free(first)
    assert StateFolder(tmp_path).port("service", None) == (first, None)
    other, _ = state.port("mlflow", None)
    assert state.port("service", None) == (first, None), "one port does not push out another"
    with taken() as port:
        (tmp_path / "ports.json").write_text(f'{{"service": {port}, "mlflow": {other}}}')
        fresh, note = state.port("service", None)
        assert fresh != port
        assert note == f"port {port} of service is taken now; using {fresh}"
    state.close()


def test_a_wanted_port_must_be_free(tmp_path: Path) -> None:
    state = StateFolder(tmp_path)
    with taken() as port, pytest.raises(CliError, match=f"port {port} for service is taken"):
        state.port("service", port)
    free, _ = state.port("x", None)
    assert state.port("service", free) == (free, None)


def test_a_broken_ports_file_is_no_obstacle(tmp_path: Path) -> None:
    (tmp_path / "ports.json").write_text("{")
    assert StateFolder(tmp_path).port("service", None)[1] is None
