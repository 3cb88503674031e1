from __future__ import annotations

import json
import socket
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from workers.bring.channel import (
    Channel,
    SilenceError,
    meeting_folder,
    scratch_folder,
    socket_in,
)
from workers.bring.lines import LineError, StepLine

STEP = b'{"step": %d, "loss": 0.5, "learning_rate": 0.1}\n'


@pytest.fixture
def channel(tmp_path: Path) -> Iterator[Channel]:
    with Channel(tmp_path / "socket", silence_seconds=0.3) as made:
        yield made


def peer(tmp_path: Path, said: bytes = b"") -> socket.socket:
    link = socket.socket(socket.AF_UNIX)
    link.settimeout(10)
    link.connect(str(tmp_path / "socket"))
    link.sendall(said)
    return link


def step(channel: Channel) -> int | None:
    line = channel.hear(lambda: True)
    return line.step if isinstance(line, StepLine) else None


def test_lines_may_come_in_pieces_and_in_heaps(channel: Channel, tmp_path: Path) -> None:
    with peer(tmp_path, STEP[:9]) as link:
        link.sendall(STEP[9:] % 1)
        assert step(channel) == 1
        link.sendall(STEP % 2 + STEP % 3)
        assert [step(channel), step(channel)] == [2, 3]


def test_the_last_words_of_the_dead_are_heard(channel: Channel, tmp_path: Path) -> None:
    peer(tmp_path, STEP % 1 + STEP % 2 + b'{"step": 3').close()
    dead = [channel.hear(lambda: False) for _ in range(3)]
    assert [line.step if isinstance(line, StepLine) else line for line in dead] == [1, 2, None]


def test_what_was_said_before_nonsense_still_counts(channel: Channel, tmp_path: Path) -> None:
    with peer(tmp_path, STEP % 1 + b"nonsense\n"):
        assert step(channel) == 1
        with pytest.raises(LineError):
            step(channel)


def test_orders_go_to_whoever_spoke_and_to_those_who_follow(
    channel: Channel, tmp_path: Path
) -> None:
    with (
        peer(tmp_path, b'{"rank": 1}\n') as follower,
        peer(tmp_path) as silent,
        peer(tmp_path, b'{"rank": 0}\n' + STEP % 1) as speaker,
    ):
        assert step(channel) == 1
        assert channel.say({"order": "go_on"})
        for link in (speaker, follower):
            assert json.loads(link.recv(100)) == {"order": "go_on"}
        silent.settimeout(0.05)
        with pytest.raises(TimeoutError):
            silent.recv(100)


def test_one_may_follow_the_other(channel: Channel, tmp_path: Path) -> None:
    for number in (1, 2):
        peer(tmp_path, STEP % number).close()
        assert step(channel) == number
    assert not channel.say({"order": "stop"}), "nobody is there any more"


def test_silence_is_told_after_a_while(channel: Channel, tmp_path: Path) -> None:
    with pytest.raises(SilenceError, match=r"said nothing for 0\.3 s"):
        channel.hear(lambda: True)
    with peer(tmp_path, STEP % 1):
        assert step(channel) == 1
        # More than the kernel keeps for one that does not read.
        with pytest.raises(SilenceError, match=r"took no order for 0\.3 s"):
            channel.say({"order": "x" * 10_000_000})


@pytest.mark.parametrize("more", [0, 100])
def test_a_socket_finds_room_however_long_the_path_of_the_temporary_folder_is(
    monkeypatch: pytest.MonkeyPatch, more: int
) -> None:
    # Not `tmp_path`: its own path may be long.
    with tempfile.TemporaryDirectory(dir="/tmp") as base:
        place = Path(base, "x" * more)
        place.mkdir(exist_ok=True)
        monkeypatch.setattr(tempfile, "tempdir", str(place))
        with (
            scratch_folder() as name,
            meeting_folder(Path(name)) as meeting,
            Channel(socket_in(meeting), silence_seconds=5) as channel,
            peer(meeting, STEP % 1),
        ):
            assert Path(name).parent == place
            assert (meeting == Path(name)) == (more == 0)
            assert step(channel) == 1
        assert not meeting.exists()
        assert not Path(name).exists()
