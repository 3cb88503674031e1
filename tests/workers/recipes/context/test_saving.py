from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from workers.checkpoints import CheckpointFolder
from workers.recipes.context.saving import Saver, read_state
from workers.recipes.shared import SharedFolder, SharedPhases
from workers.recipes.world import ALONE


def make_saver(
    folder: Path, shared: Mapping[int, SharedFolder] | None = None, *, seconds: float = 600
) -> Saver:
    """Of a recipe that has registered no state yet."""
    own = CheckpointFolder(folder / "own")
    return Saver(own, SharedPhases(shared or {}), ALONE, seconds, lambda: {"known": 1})


def write(draft: Path) -> None:
    (draft / "weights").write_text("w")


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.glob("step-*"))


def test_a_checkpoint_holds_the_recipes_state_and_the_contexts(tmp_path: Path) -> None:
    saver = make_saver(tmp_path)
    saver.save = write
    assert saver.newest() is None
    saver.checkpoint(2)
    newest = saver.newest()
    assert newest == saver.root / "step-00000002"
    assert (newest / "weights").read_text() == "w"
    assert read_state(newest) == {"known": 1}


def test_without_a_state_nothing_is_written(tmp_path: Path) -> None:
    shared = SharedFolder(tmp_path / "shared")
    saver = make_saver(tmp_path, {2: shared})
    saver.checkpoint(2)
    saver.share(2)
    assert (names(saver.root), names(shared.root)) == ([], [])


def test_the_last_stays_alone_and_nothing_comes_after_it(tmp_path: Path) -> None:
    saver = make_saver(tmp_path)
    saver.save = write
    saver.checkpoint(1)
    saver.checkpoint(2, last=True)
    saver.checkpoint(3)
    assert names(saver.root) == ["step-00000002"]


def test_a_checkpoint_is_old_after_its_time(tmp_path: Path) -> None:
    assert make_saver(tmp_path, seconds=0).old()
    assert not make_saver(tmp_path).old()


def test_what_others_need_is_left_once_and_the_furthest_is_the_newest(tmp_path: Path) -> None:
    shared = SharedFolder(tmp_path / "shared")
    saver = make_saver(tmp_path, {3: shared})
    saver.save = write
    saver.checkpoint(2)
    saver.share(2)
    assert names(shared.root) == []
    saver.share(3)
    assert saver.newest() == shared.root / "step-00000003"
    (shared.root / "step-00000003" / "mark").touch()
    saver.share(3)
    assert (shared.root / "step-00000003" / "mark").exists()
    saver.checkpoint(4)
    assert saver.newest() == saver.root / "step-00000004"
