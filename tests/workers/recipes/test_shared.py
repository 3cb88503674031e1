from __future__ import annotations

from pathlib import Path

import pytest

from workers.checkpoints import CheckpointFolder
from workers.recipes.shared import SharedPhases


def leave(folder: CheckpointFolder, step: int) -> Path:
    return folder.write(step, lambda draft: (draft / "a").write_text("x") and None)


@pytest.fixture
def folders(tmp_path: Path) -> dict[int, CheckpointFolder]:
    return {step: CheckpointFolder(tmp_path / str(step)) for step in (3, 7)}


def test_the_furthest_whole_checkpoint_beyond_one_s_own_counts(
    folders: dict[int, CheckpointFolder],
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
    folders: dict[int, CheckpointFolder],
) -> None:
    shared = SharedPhases(folders)
    assert [steps for steps in range(9) if shared.ends(steps)] == [3, 7]
    assert shared.wanted(3) is folders[3]
    assert shared.wanted(4) is None
    leave(folders[3], 3)
    assert shared.wanted(3) is None
    assert shared.wanted(7) is folders[7]
