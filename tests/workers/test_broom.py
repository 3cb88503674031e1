from __future__ import annotations

from pathlib import Path

from workers.broom import Broom


def test_folders_are_deleted_after_their_rest(tmp_path: Path) -> None:
    folder = tmp_path / "checkpoints"
    (folder / "step-00000001").mkdir(parents=True)
    broom = Broom()
    broom.add(folder)
    broom.add(tmp_path / "never-was-there")
    broom.sweep(rest_seconds=60)
    assert folder.exists()
    broom.sweep(rest_seconds=0)
    assert not folder.exists()
