from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

from workers.checkpoints import MANIFEST, CheckpointFolder, is_whole


def fill(text: str = "x") -> object:
    def write(folder: Path) -> None:
        (folder / "a.txt").write_text(text)
        (folder / "b.txt").write_text(text * 2)

    return write


def test_a_checkpoint_is_what_was_written(tmp_path: Path) -> None:
    folder = CheckpointFolder(tmp_path / "deep" / "checkpoints")
    assert folder.newest() is None
    written = folder.write(12, fill("hello"))
    assert written == folder.newest() == tmp_path / "deep" / "checkpoints" / "step-00000012"
    assert (written / "a.txt").read_text() == "hello"
    assert sorted(p.name for p in written.iterdir()) == ["a.txt", "b.txt", MANIFEST]
    assert sorted(p.name for p in folder.root.iterdir()) == ["step-00000012"]


def test_the_newest_ones_are_kept(tmp_path: Path) -> None:
    folder = CheckpointFolder(tmp_path, keep=2)
    for step in (9, 10, 100):
        folder.write(step, fill(str(step)))
    assert sorted(p.name for p in tmp_path.iterdir()) == ["step-00000010", "step-00000100"]
    newest = folder.newest()
    assert newest is not None
    assert (newest / "a.txt").read_text() == "100"


def test_writing_a_step_again_replaces_it(tmp_path: Path) -> None:
    folder = CheckpointFolder(tmp_path)
    folder.write(3, fill("old"))
    written = folder.write(3, fill("new"))
    assert (written / "a.txt").read_text() == "new"
    assert is_whole(written)


@pytest.mark.parametrize("damage", ["cut", "gone", "flip", "no manifest", "torn manifest"])
def test_a_torn_checkpoint_is_passed_over(tmp_path: Path, damage: str) -> None:
    folder = CheckpointFolder(tmp_path)
    good, bad = folder.write(1, fill()), folder.write(2, fill())
    if damage == "cut":
        (bad / "b.txt").write_text("x")
    elif damage == "gone":
        (bad / "a.txt").unlink()
    elif damage == "flip":
        (bad / "a.txt").write_text("y")
    elif damage == "no manifest":
        (bad / MANIFEST).unlink()
    else:
        (bad / MANIFEST).write_text((bad / MANIFEST).read_text()[:-5])
    assert not is_whole(bad)
    assert folder.newest() == good


def test_a_save_that_fails_leaves_the_one_before(tmp_path: Path) -> None:
    folder = CheckpointFolder(tmp_path)
    good = folder.write(1, fill())

    def fail(draft: Path) -> None:
        (draft / "a.txt").write_text("half")
        raise OSError("disk full")

    with pytest.raises(OSError, match="disk full"):
        folder.write(2, fail)
    assert folder.newest() == good
    assert list(tmp_path.iterdir()) == [good], "nothing of it takes room"
    assert folder.write(2, fill()) == folder.newest()


def test_a_killed_save_leaves_the_one_before_and_its_draft_goes_in_the_end(tmp_path: Path) -> None:
    folder = CheckpointFolder(tmp_path)
    good = folder.write(1, fill())
    code = (
        "import os, sys; from pathlib import Path; from workers.checkpoints import CheckpointFolder"
        "\ndef fill(f):\n (f / 'a.txt').write_text('half'); os.kill(os.getpid(), 9)"
        "\nCheckpointFolder(Path(sys.argv[1])).write(2, fill)"
    )
    done = subprocess.run([sys.executable, "-c", code, str(tmp_path)], check=False)
    assert done.returncode == -9
    (draft,) = tmp_path.glob(".draft-*")
    assert folder.newest() == good
    folder.write(3, fill())
    assert draft.exists(), "it may belong to a process that is still writing"
    past = time.time() - 7200
    slices = draft / "optimizer"
    slices.mkdir()
    (slices / "rank-0").touch()
    for path in (draft / "a.txt", slices, draft):
        os.utime(path, (past, past))
    folder.write(4, fill())
    assert draft.exists(), "a rank writes its slice"
    os.utime(slices / "rank-0", (past, past))
    folder.write(5, fill())
    assert not draft.exists()


def test_two_processes_of_one_number_do_not_write_into_one_draft(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As on two nodes, or in two containers, that share a disk."""
    monkeypatch.setattr(os, "getpid", lambda: 7)
    folder = CheckpointFolder(tmp_path)

    def write(draft: Path) -> None:
        (draft / "a.txt").write_text("ours")
        CheckpointFolder(tmp_path).write(3, fill("theirs"))
        assert (draft / "a.txt").read_text() == "ours"

    assert folder.write(3, write) == folder.newest()


def test_two_writers_of_one_step_leave_a_whole_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A worker of a driver that lost its lease runs the same steps for a moment."""
    folder, remove = CheckpointFolder(tmp_path), shutil.rmtree

    def faster(path: Path, ignore_errors: bool = False) -> None:
        remove(path, ignore_errors=ignore_errors)
        if path.name == "step-00000003":
            monkeypatch.setattr(shutil, "rmtree", remove)
            other = CheckpointFolder(tmp_path)
            with monkeypatch.context() as patch:
                patch.setattr(os, "getpid", lambda: 1)
                other.write(3, fill("theirs"))

    monkeypatch.setattr(shutil, "rmtree", faster)
    assert folder.write(3, fill("ours")) == folder.newest()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["step-00000003"]
