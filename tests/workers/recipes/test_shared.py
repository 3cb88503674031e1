from __future__ import annotations

import errno
import subprocess
import sys
from pathlib import Path

import pytest

from workers import checkpoints
from workers.checkpoints import CheckpointFolder
from workers.recipes.shared import SharedFolder, SharedPhases

# Another worker's process, which leaves its checkpoint of the same steps.
OTHER = """
import sys
from pathlib import Path
from workers.recipes.shared import SharedFolder
SharedFolder(Path(sys.argv[1])).write(3, lambda draft: (draft / "a").write_text("theirs") and None)
"""


def leave(folder: CheckpointFolder, step: int) -> Path:
    return folder.write(step, lambda draft: (draft / "a").write_text("x") and None)


@pytest.fixture
def folders(tmp_path: Path) -> dict[int, SharedFolder]:
    return {step: SharedFolder(tmp_path / str(step)) for step in (3, 7)}


def test_the_furthest_whole_checkpoint_beyond_one_s_own_counts(
    folders: dict[int, SharedFolder],
) -> None:
    shared = SharedPhases(folders)
    assert shared.beyond(0) is None
    first = leave(folders[3], 3)
    assert [shared.beyond(steps) for steps in (0, 2, 3, 5)] == [first, first, None, None]
    second = leave(folders[7], 7)
    assert [shared.beyond(steps) for steps in (0, 6, 7)] == [second, second, None]
    (second / "a").write_text("torn")
    assert shared.beyond(0) == first


def test_one_is_wanted_where_a_beginning_ends_and_none_is_there(
    folders: dict[int, SharedFolder],
) -> None:
    shared = SharedPhases(folders)
    assert [steps for steps in range(9) if shared.ends(steps)] == [3, 7]
    assert shared.wanted(3) is folders[3]
    assert shared.wanted(4) is None
    leave(folders[3], 3)
    assert shared.wanted(3) is None
    assert shared.wanted(7) is folders[7]


def test_of_two_processes_that_write_at_once_the_later_one_takes_nothing_from_a_reader(
    folders: dict[int, SharedFolder],
) -> None:
    """Both saw that none was there. A third trial found the first one's and is reading it."""
    wanted = SharedPhases(folders).wanted(3)
    assert wanted is not None
    read: list[tuple[Path, int]] = []

    def fill(draft: Path) -> None:
        (draft / "a").write_text("ours")
        subprocess.run([sys.executable, "-c", OTHER, str(wanted.root)], check=True)
        found = SharedPhases(folders).beyond(0)
        assert found is not None
        read.append((found, found.stat().st_ino))

    left = wanted.write(3, fill, last=True)
    ((found, number),) = read
    assert (left, left.stat().st_ino) == (found, number), "it was never taken away"
    assert (left / "a").read_text() == "theirs"
    assert [path.name for path in wanted.root.iterdir()] == [left.name], "no draft is left"


def test_a_late_one_is_not_copied_over_that_of_the_first(tmp_path: Path) -> None:
    offered: list[Path] = []

    class Copies:
        busy = None

        def offer(self, checkpoint: Path, keep: int) -> None:
            offered.append(checkpoint)

        def bring(self, root: Path, newer_than: str) -> Path | None:
            return None

        def settle(self, seconds: float) -> bool:
            return True

    folder = SharedFolder(tmp_path, copies=Copies())
    first = leave(folder, 3)
    leave(folder, 3)
    assert offered == [first]


def test_a_torn_one_is_replaced(tmp_path: Path) -> None:
    folder = SharedFolder(tmp_path)
    (leave(folder, 3) / "a").write_text("torn")
    assert folder.newest() is None
    assert leave(folder, 3) == folder.newest()


def test_one_that_cannot_be_read_just_now_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Others may be reading it: that this process has no file left says nothing of it."""
    folder = SharedFolder(tmp_path)
    first = leave(folder, 3)
    number, digest = first.stat().st_ino, checkpoints._digest

    def no_file_left(path: Path) -> str:
        if path.parent == first:
            raise OSError(errno.EMFILE, "Too many open files")
        return digest(path)

    with monkeypatch.context() as patch:
        patch.setattr(checkpoints, "_digest", no_file_left)
        assert folder.newest() is None
        assert leave(folder, 3) == first
    assert first.stat().st_ino == number
    assert folder.newest() == first
    assert list(tmp_path.iterdir()) == [first]


@pytest.mark.parametrize("looks", [1, 2])
def test_a_whole_one_that_came_since_the_look_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, looks: int
) -> None:
    """Two writers find a torn one. The other is done after our look, or while ours is aside."""
    folder, is_whole, numbers = SharedFolder(tmp_path), checkpoints.is_whole, [0, 0]
    final = leave(folder, 3)
    (final / "a").write_text("torn")

    def slow_look(found: Path) -> bool:
        whole = is_whole(found)
        if numbers[0] < looks:
            numbers[0] += 1
            if numbers[0] == looks:
                leave(SharedFolder(tmp_path), 3)
                numbers[1] = final.stat().st_ino
        return whole

    monkeypatch.setattr(checkpoints, "is_whole", slow_look)
    assert leave(folder, 3) == final
    assert final.stat().st_ino == numbers[1]
    assert list(tmp_path.iterdir()) == [final]
