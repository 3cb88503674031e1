from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from workers.recipes.parts.digests import Digests
from workers.recipes.parts.rows import Source

LONG_AGO = 10**9 * 10**9


def file(folder: Path, text: str, mtime_ns: int | None = LONG_AGO) -> Source:
    path = folder / "data.jsonl"
    path.write_text(text)
    if mtime_ns is not None:
        os.utime(path, ns=(mtime_ns, mtime_ns))
    return Source("data.jsonl", "/spec", path, "train")


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The digests that were really made."""
    found: list[str] = []
    quiet = Source.digest

    def digest(source: Source) -> str:
        found.append("hub" if source.path is None else quiet(source))
        return found[-1]

    monkeypatch.setattr(Source, "digest", digest)
    return found


def test_a_file_is_read_once_a_worker(tmp_path: Path, made: list[str]) -> None:
    cache: dict[str, Any] = {}
    source = file(tmp_path, "one")
    said = [Digests(cache).of(source) for _ in range(3)]
    assert said == made * 3
    assert len(made) == 1


@pytest.mark.parametrize("mtime_ns", [LONG_AGO, LONG_AGO + 1], ids=["set back", "later"])
def test_a_changed_file_of_the_same_size_is_noticed(
    tmp_path: Path, made: list[str], mtime_ns: int
) -> None:
    digests = Digests({})
    first = digests.of(file(tmp_path, "one"))
    # The clock of a file system ticks every few milliseconds.
    before = (tmp_path / "data.jsonl").stat().st_ctime_ns
    while (changed := file(tmp_path, "two", mtime_ns)).path.stat().st_ctime_ns == before:  # type: ignore[union-attr]
        pass
    assert digests.of(changed) != first
    assert len(made) == 2


def test_what_was_written_just_now_is_read_each_time(tmp_path: Path, made: list[str]) -> None:
    digests = Digests({})
    assert digests.of(file(tmp_path, "one", None)) != digests.of(file(tmp_path, "two", None))
    digests.of(file(tmp_path, "two", None))
    assert len(made) == 3


def test_a_hub_data_set_is_asked_for_once_a_trial(made: list[str]) -> None:
    cache: dict[str, Any] = {}
    hub = Source("org/data", "/spec", None, "train")
    for _ in range(2):
        digests = Digests(cache)
        assert digests.of(hub) == digests.of(hub)
    assert made == ["hub", "hub"]
