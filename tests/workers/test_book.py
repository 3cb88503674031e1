from __future__ import annotations

import errno
import math
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sweeps.errors import JournalError
from sweeps.journal import (
    Asked,
    AttemptEnded,
    AttemptStarted,
    Entry,
    Prepared,
    Reported,
    fold,
)
from sweeps.lifecycle import AttemptEnd
from sweeps.trial import GO_ON, Report, StepRecord
from sweeps.windows import make_window
from workers.book import NOT_WRITTEN, Book, no_room, read_spool


class Taken:
    """A sink that remembers."""

    def __init__(self) -> None:
        self.entries: list[Entry] = []

    def take(self, entry: Entry) -> None:
        self.entries.append(entry)

    def close(self, timeout: float) -> bool:
        return True


def fill(book: Book) -> None:
    step = StepRecord(1, 64, 1, math.nan, 1.0, 0.1)
    report = Report(point=1, samples=64, step=1, window=make_window([step]))
    for body in (
        Prepared(horizon_samples=64),
        Asked(trial=0, params={"learning_rate": 0.1}),
        AttemptStarted(trial=0, attempt=1),
        Reported(trial=0, attempt=1, report=report, verdict=GO_ON),
    ):
        book.append(body)


def test_entries_are_on_disk_before_append_returns(tmp_path: Path) -> None:
    path = tmp_path / "journal.jsonl"
    book = Book(path, [])
    fill(book)
    assert [entry.seq for entry in read_spool(path)] == [1, 2, 3, 4]
    assert book.story.trials[0].state == "RUNNING"


def test_sinks_take_the_old_and_the_new(tmp_path: Path) -> None:
    book, sink = Book(tmp_path / "journal.jsonl", []), Taken()
    book.append(Prepared(horizon_samples=64))
    book.attach(sink)
    book.append(Asked(trial=0, params={}))
    assert [entry.seq for entry in sink.entries] == [1, 2]


def test_an_entry_that_does_not_fit_leaves_no_trace(tmp_path: Path) -> None:
    path = tmp_path / "journal.jsonl"
    book = Book(path, [])
    with pytest.raises(JournalError):
        book.append(AttemptStarted(trial=3, attempt=1))
    assert not read_spool(path)
    book.append(Prepared(horizon_samples=64))
    assert [entry.seq for entry in read_spool(path)] == [1]


def test_what_only_the_spool_knows_is_kept_with_its_nan(tmp_path: Path) -> None:
    path = tmp_path / "journal.jsonl"
    first = Book(path, [])
    fill(first)
    again = Book(path, first.entries[:2])
    assert len(again.entries) == 4
    window = again.story.trials[0].reports[1].window
    assert window.loss is not None
    assert math.isnan(window.loss.value)


def test_a_spool_that_contradicts_the_service_is_replaced(tmp_path: Path) -> None:
    path = tmp_path / "journal.jsonl"
    fill(Book(path, []))
    other = Entry(seq=1, at="2026-01-01T00:00:00Z", body=Prepared(horizon_samples=99))
    book = Book(path, [other])
    assert book.entries == [other]
    assert read_spool(path) == [other]


def test_a_spool_put_aside_is_kept_and_no_longer_read(tmp_path: Path) -> None:
    path = tmp_path / "journal.jsonl"
    book = Book(path, [])
    fill(book)
    known = book.entries[:2]
    book.put_aside()
    book.append(AttemptEnded(trial=0, attempt=1, reason=AttemptEnd.LOST))  # harmless
    book.close()
    (aside,) = tmp_path.glob("journal.refused-*Z.jsonl")
    assert len(read_spool(aside)) == 5
    assert not path.exists()
    assert Book(path, known).entries == known


def test_a_spool_behind_the_service_is_replaced(tmp_path: Path) -> None:
    full = Book(tmp_path / "a.jsonl", [])
    fill(full)
    behind = Book(tmp_path / "b.jsonl", full.entries[:1])
    behind.close()
    assert len(Book(tmp_path / "b.jsonl", full.entries).entries) == 4


@settings(max_examples=40, deadline=None)
@given(cut=st.integers(0, 2000))
def test_a_spool_torn_anywhere_gives_the_whole_entries_before(
    cut: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = tmp_path_factory.mktemp("torn") / "journal.jsonl"
    book = Book(path, [])
    fill(book)
    book.close()
    whole = path.read_bytes()
    path.write_bytes(whole[:cut])
    entries = read_spool(path)
    assert [e.model_dump_json() for e in entries] == [
        e.model_dump_json() for e in book.entries[: len(entries)]
    ]
    assert len(entries) >= whole[:cut].count(b"\n")
    assert fold(entries).seq == len(entries)


FULL = """
import resource, sys
from pathlib import Path
from sweeps.journal import Asked, Prepared
from workers.book import Book

book = Book(Path(sys.argv[1]), [])
book.append(Prepared(horizon_samples=64))
resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))
for number in range(1000):
    book.append(Asked(trial=number, params={"learning_rate": 0.1}))
"""


def test_a_disk_that_is_full_ends_the_driver_and_loses_nothing_written(tmp_path: Path) -> None:
    path = tmp_path / "journal.jsonl"
    done = subprocess.run(
        [sys.executable, "-c", FULL, str(path)], capture_output=True, text=True, timeout=60
    )
    assert done.returncode == NOT_WRITTEN, done.stderr
    assert "was not written to" in done.stderr
    assert path.stat().st_size == 4096  # the last line is torn
    again = Book(path, [])
    assert len(again.entries) == len(again.story.trials) + 1 > 5
    again.append(Asked(trial=len(again.story.trials), params={}))
    assert len(read_spool(path)) == len(again.entries)


def test_what_passes_by_itself_is_told_from_what_does_not() -> None:
    assert no_room(OSError(errno.ENOSPC, "full"))
    assert not no_room(OSError(errno.EACCES, "denied"))
