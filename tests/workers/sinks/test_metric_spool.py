from __future__ import annotations

import math
import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tracking import same, spooled

from workers.sinks.metric_spool import CHUNK_BYTES, MetricSpool, Point, read_points

VALUES = st.dictionaries(st.sampled_from(["loss", "norm", "eval_é"]), st.floats(), max_size=3)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "trials" / "00000" / "metrics.jsonl"


def untimed(points: list[Point]) -> list[tuple[str, str, int]]:
    # repr: NaN equals NaN there.
    return [(point.key, repr(point.value), point.step) for point in points]


def write(path: Path, rows: list[dict[str, float]], first: int = 0) -> None:
    spool = MetricSpool(path)
    for step, row in enumerate(rows[first:], start=first):
        spool.append(step, row)
    spool.close()


@settings(max_examples=150, deadline=None)
@given(rows=st.lists(VALUES, min_size=1, max_size=12), data=st.data())
def test_a_crash_at_any_byte_and_a_rerun_give_the_same_points(
    rows: list[dict[str, float]], data: st.DataObject
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "metrics.jsonl"
        write(path, rows)
        whole, content = spooled(path), path.read_bytes()
        cut = data.draw(st.integers(0, len(content)), label="bytes that survived")
        path.write_bytes(content[:cut])
        survived = spooled(path)
        seen, offset = read_points(path)
        # The attempt resumes from a checkpoint that is not newer than what survived.
        newest = max((point.step for point in survived), default=-1)
        first = data.draw(st.integers(0, newest + 1), label="first step of the rerun")
        write(path, rows, first)
        assert untimed(spooled(path)) == untimed(whole)
        # What another process had read stays as it was, times too, and goes on without a gap.
        assert untimed(seen + read_points(path, offset)[0]) == untimed(whole)
        assert spooled(path)[: len(survived)] == survived or any(
            math.isnan(point.value) for point in survived
        )


def test_a_rerun_writes_no_step_twice(path: Path) -> None:
    write(path, [{"loss": 1.0}, {"loss": 2.0}, {"loss": 3.0}])
    spool = MetricSpool(path)
    spool.append(1, {"loss": 99.0, "eval_loss": 5.0})
    spool.append(2, {"loss": 99.0})
    spool.append(3, {"loss": 4.0})
    spool.append(3, {"loss": 98.0})
    spool.close()
    found = [(point.key, point.value, point.step) for point in spooled(path)]
    assert found == [
        ("loss", 1.0, 0),
        ("loss", 2.0, 1),
        ("loss", 3.0, 2),
        ("eval_loss", 5.0, 1),
        ("loss", 4.0, 3),
    ]


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf, -0.0, 5e-324, 1.7e308, 0.1])
def test_a_value_comes_back_as_it_was(path: Path, value: float) -> None:
    write(path, [{"loss": value}])
    (point,) = spooled(path)
    assert same(point.value, value)
    assert math.copysign(1, point.value) == math.copysign(1, value) or math.isnan(value)
    assert b"nan" not in path.read_bytes().replace(b'"nan"', b"")


def test_the_time_is_that_of_the_append(path: Path) -> None:
    spool = MetricSpool(path)
    before = time.time_ns() // 1_000_000
    spool.append(1, {"loss": 1.0})
    after = time.time_ns() // 1_000_000
    (point,) = spooled(path)
    assert before <= point.timestamp <= after
    spool.close()


def test_a_line_is_there_for_others_as_soon_as_append_returns(path: Path) -> None:
    spool = MetricSpool(path)
    spool.append(1, {"loss": 1.0})
    first, offset = read_points(path)
    assert read_points(path, offset) == ([], offset)
    spool.append(2, {"loss": 2.0})
    second, _ = read_points(path, offset)
    assert [point.step for point in first + second] == [1, 2]
    spool.close()


def test_a_torn_line_is_not_read_and_a_spoilt_one_is_skipped(path: Path) -> None:
    write(path, [{"loss": 1.0}])
    good = path.read_bytes()
    path.write_bytes(good + b"\0\0\0\n[]\n" + b'{"t": 1, "s": 9, "m": {"loss": 2')
    points, offset = read_points(path)
    assert [point.step for point in points] == [0]
    assert offset == len(good) + len(b"\0\0\0\n[]\n")


def test_there_is_nothing_to_read_before_the_first_append(path: Path) -> None:
    assert read_points(path, 0) == ([], 0)


def test_a_large_spool_is_read_in_pieces(path: Path) -> None:
    path.parent.mkdir(parents=True)
    line = b'{"t":1,"s":%d,"m":{"loss":0.5,"a rather long name of a metric":0.25}}\n'
    count = 2 * CHUNK_BYTES // len(line)
    path.write_bytes(b"".join(line % step for step in range(count)))
    points, offset = read_points(path)
    assert 0 < len(points) < 2 * count
    assert offset < path.stat().st_size
    steps = [point.step for point in spooled(path) if point.key == "loss"]
    assert steps == list(range(count))


WRITER = """
import sys
from pathlib import Path
from workers.sinks.metric_spool import MetricSpool
spool = MetricSpool(Path(sys.argv[1]))
step = 0
while True:
    step += 1
    spool.append(step, {"loss": 1 / step, "norm": float("inf")})
    if step == 100:
        print("going", flush=True)
"""


def test_kill_9_loses_and_repeats_nothing(path: Path) -> None:
    for _ in range(2):
        command = [sys.executable, "-c", WRITER, str(path)]
        writer = subprocess.Popen(command, stdout=subprocess.PIPE, cwd=Path.cwd())
        assert writer.stdout is not None
        assert writer.stdout.readline() == b"going\n"
        os.kill(writer.pid, signal.SIGKILL)
        writer.wait(30)
        writer.stdout.close()
    spool = MetricSpool(path)
    points = spooled(path)
    spool.append(10**9, {"loss": 0.0})
    spool.close()
    losses = [point for point in points if point.key == "loss"]
    assert [point.step for point in losses] == list(range(1, len(losses) + 1))
    assert all(point.value == 1 / point.step for point in losses)
    assert len(points) == 2 * len(losses)
    assert spooled(path)[-1].step == 10**9
