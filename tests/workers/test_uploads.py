from __future__ import annotations

import logging
import threading
import time
from pathlib import Path

import pytest
from s3_server import BUCKET, s3_server

from workers import uploads as uploading
from workers.checkpoints import CheckpointFolder
from workers.mirror import Mirror
from workers.uploads import Uploads


def write(folder: CheckpointFolder, step: int, *, last: bool = False) -> Path:
    fill = lambda draft: (draft / "a").write_text(str(step)) and None  # noqa: E731
    return folder.write(step, fill, last=last)


def folder_at(root: Path, url: str) -> CheckpointFolder:
    return CheckpointFolder(root, copies=Uploads(Mirror(url)))


def test_another_machine_goes_on_from_the_mirror(tmp_path: Path) -> None:
    url = f"file://{tmp_path}/there"
    here, other = folder_at(tmp_path / "here", url), folder_at(tmp_path / "other", url)
    assert other.newest() is None
    for step in (1, 2):
        write(here, step)
    assert here.settle(20)
    found = other.newest()
    assert found == tmp_path / "other" / "step-00000002"
    assert (found / "a").read_text() == "2"
    write(other, 3)
    assert other.settle(20)
    assert (here.newest() or found).name == "step-00000003"
    # What lies here and is as new is not fetched again.
    (tmp_path / "there" / "step-00000003" / "a").write_text("changed")
    again = here.newest()
    assert again is not None
    assert (again / "a").read_text() == "3"


def test_a_torn_copy_is_passed_over_for_the_one_before(tmp_path: Path) -> None:
    url = f"file://{tmp_path}/there"
    here = folder_at(tmp_path / "here", url)
    for step in (1, 2):
        write(here, step)
        assert here.settle(20)
    (tmp_path / "there" / "step-00000002" / "a").write_text("3")
    found = folder_at(tmp_path / "other", url).newest()
    assert found == tmp_path / "other" / "step-00000001"


def test_the_last_one_stays_alone_in_both_places(tmp_path: Path) -> None:
    here = folder_at(tmp_path / "here", f"file://{tmp_path}/there")
    for step in (1, 2):
        write(here, step)
        assert here.settle(20)
    write(here, 3, last=True)
    assert here.settle(20)
    for place in ("here", "there"):
        assert [p.name for p in (tmp_path / place).iterdir()] == ["step-00000003"]


class Slow(Mirror):
    """Uploads as slowly as it is let."""

    def __init__(self, url: str) -> None:
        super().__init__(url)
        self.pushed: list[str] = []
        self.begun, self.go = threading.Event(), threading.Event()

    def push(self, checkpoint: Path, keep: int) -> None:
        self.begun.set()
        assert self.go.wait(20)
        super().push(checkpoint, keep)
        self.pushed.append(checkpoint.name)


def test_a_slow_mirror_gets_whole_ones_and_the_newest(tmp_path: Path) -> None:
    """What is being uploaded stays on disk; what a newer one overtook is left out."""
    mirror = Slow(f"file://{tmp_path}/there")
    copies = Uploads(mirror)
    folder = CheckpointFolder(tmp_path / "here", copies=copies)
    began = time.monotonic()
    write(folder, 1)
    assert mirror.begun.wait(20)
    for step in range(2, 7):
        write(folder, step)
    assert time.monotonic() - began < 5, "training waited for the mirror"
    assert (tmp_path / "here" / "step-00000001").exists()
    assert not folder.settle(0.05)
    mirror.go.set()
    assert folder.settle(20)
    assert mirror.pushed == ["step-00000001", "step-00000006"]
    write(folder, 7)
    assert folder.settle(20)
    assert not (tmp_path / "here" / "step-00000001").exists()


def test_a_store_that_is_away_stops_nothing_and_gets_the_newest_when_it_is_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(uploading, "LOOK_WAIT", 0.05)
    monkeypatch.setattr(uploading, "FIRST_WAIT", 0.05)
    monkeypatch.setattr(uploading, "LONGEST_WAIT", 0.2)
    with s3_server() as server, caplog.at_level(logging.WARNING):
        url = f"s3://{BUCKET}/{tmp_path.name}"
        here = folder_at(tmp_path / "here", url)
        write(here, 1)
        assert here.settle(20)
        server.stop()
        began = time.monotonic()
        for step in (2, 3):
            write(here, step)
        assert time.monotonic() - began < 2
        assert not here.settle(0.5)
        other = folder_at(tmp_path / "other", url)
        assert other.newest() is None
        assert (here.newest() or tmp_path).name == "step-00000003"
        assert "was not uploaded" in caplog.text
        assert "does not answer" in caplog.text
        server.start()
        assert here.settle(30)
        assert Mirror(url).names()[0] == "step-00000003"
        assert (other.newest() or tmp_path).name == "step-00000003"


def test_what_was_deleted_meanwhile_is_not_tried_for_ever(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(uploading, "FIRST_WAIT", 0.05)
    copies = Uploads(Mirror(f"file://{tmp_path}/there"))
    copies.offer(tmp_path / "step-00000001", 2)
    assert copies.settle(20)
