"""Events out of bytes, however they are cut, and the streams that break."""

from __future__ import annotations

import pytest

from service.errors import Unavailable, Unreachable
from service.watching import Lines, Watch

SWEEP = "swp_" + "0" * 32


def told(number: int, last: bool = False) -> bytes:
    text = (
        f'{{"id":{number},"type":"sweep","at":"2026-11-20T12:00:00Z","sweep_id":"{SWEEP}",'
        f'"trial_id":null,"data":{{}},"last":{str(last).lower()}}}'
    )
    return f": ping\r\n\r\nid: {number}\r\ndata: {text}\r\n\r\n".encode()


@pytest.mark.parametrize("size", [1, 7, 10_000])
def test_events_are_read_however_the_bytes_are_cut(size: int) -> None:
    watch, stream = Watch(SWEEP, None, 2), told(1) + told(2, True) + told(3)
    chunks = [stream[at : at + size] for at in range(0, len(stream), size)]
    assert [event.id for chunk in chunks for event in watch.read(chunk)] == [1, 2]
    assert watch.over


def test_data_may_stand_on_several_lines() -> None:
    stream = told(4).replace(b',"type"', b',\r\ndata: "type"')
    assert [event.id for event in Watch(SWEEP, None, 0).read(stream)] == [4]


def test_a_new_stream_starts_behind_the_last_event_and_forgets_half_a_line() -> None:
    watch = Watch(SWEEP, None, 2)
    assert "Last-Event-ID" not in watch.call().headers
    assert len(list(watch.read(told(5) + told(6)[:-9]))) == 1
    assert watch.call().headers["Last-Event-ID"] == "5"
    assert [event.id for event in watch.read(told(6))] == [6]


def test_an_event_gives_the_retries_back() -> None:
    watch = Watch(SWEEP, None, 2)
    assert [watch.broke(), watch.broke(Unavailable("away"))] == [0.2, 0.4]
    list(watch.read(told(1)))
    assert [watch.broke(), watch.broke()] == [0.2, 0.4]
    with pytest.raises(Unavailable, match="away"):
        watch.broke(Unavailable("away"))
    with pytest.raises(Unreachable, match="end before the sweep"):
        watch.broke()


def test_lines_end_at_newlines_alone() -> None:
    lines = Lines()
    assert list(lines.feed("a\u2028b\r\nc".encode())) == ["a\u2028b".encode()]
    assert list(lines.feed(b"d\n\n")) == [b"cd", b""]
