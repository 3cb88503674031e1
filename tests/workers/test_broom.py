from __future__ import annotations

import logging
from pathlib import Path

import fsspec
import pytest
from stories import Script, make_spec

from sweeps.journal import Story
from sweeps.lifecycle import AttemptEnd
from workers.broom import Broom
from workers.checkpoints import CheckpointFolder
from workers.mirror import Mirror
from workers.order import checkpoints_of, trial_folder
from workers.settings import WorkerSettings

SWEEP = "swp_" + "3" * 32


@pytest.fixture
def settings(tmp_path: Path) -> WorkerSettings:
    return WorkerSettings(storage=tmp_path, checkpoints=f"memory://{tmp_path.name}")


@pytest.fixture
def story() -> Story:
    """0 and 1 finished, 1 the better one; 2 was stopped; 3 is parked."""
    script = Script()
    script.run(2.0)
    script.run(1.0)
    script.end(script.ask(), AttemptEnd.STOPPED)
    script.end(script.ask(), AttemptEnd.PAUSED)
    return script.story


def fill(settings: WorkerSettings) -> None:
    for number in range(4):
        root = checkpoints_of(trial_folder(settings.sweep_folder(SWEEP), number))
        folder = CheckpointFolder(root)
        made = folder.write(10, lambda draft: (draft / "a").write_text("x") and None)
        Mirror(settings.mirror_of(SWEEP, number) or "").push(made, 2)


def left(settings: WorkerSettings) -> list[int]:
    """Trials with a checkpoint here, which are those with one at the mirror."""
    numbers = range(4)
    roots = [checkpoints_of(trial_folder(settings.sweep_folder(SWEEP), n)) for n in numbers]
    return [n for n in numbers if CheckpointFolder(roots[n]).newest() is not None]


def left_there(settings: WorkerSettings) -> list[int]:
    return [n for n in range(4) if Mirror(settings.mirror_of(SWEEP, n) or "").names()]


def test_what_is_not_kept_goes_after_its_rest_here_and_at_the_mirror(
    settings: WorkerSettings, story: Story
) -> None:
    fill(settings)
    broom = Broom(settings, SWEEP, make_spec())
    broom.look(story, cancelled=False)
    broom.sweep(rest_seconds=60)
    assert left(settings) == left_there(settings) == [0, 1, 2, 3]
    broom.look(story, cancelled=False)
    broom.sweep(rest_seconds=0)
    assert broom.close(20)
    assert left(settings) == left_there(settings) == [1, 3]


def test_a_cancelled_sweep_keeps_its_best_alone(settings: WorkerSettings, story: Story) -> None:
    fill(settings)
    broom = Broom(settings, SWEEP, make_spec(checkpoints={"keep_best": 2}))
    broom.look(story, cancelled=True)
    broom.sweep(rest_seconds=0)
    assert broom.close(20)
    assert left(settings) == left_there(settings) == [0, 1]


def test_a_mirror_that_is_away_leaves_something_and_harms_nothing_here(
    settings: WorkerSettings,
    story: Story,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    fill(settings)

    def away(*_: object, **__: object) -> None:
        raise ConnectionError("nobody there")

    broom = Broom(settings, SWEEP, make_spec())
    broom.look(story, cancelled=False)
    with monkeypatch.context() as patch, caplog.at_level(logging.WARNING):
        patch.setattr(fsspec.filesystem("memory").__class__, "ls", away)
        broom.sweep(rest_seconds=0)
        assert not broom.close(20)
    assert "nobody there" in caplog.text
    assert left(settings) == [1, 3]
    assert left_there(settings) == [0, 1, 2, 3]


def test_without_anything_to_delete_it_closes_at_once(tmp_path: Path) -> None:
    broom = Broom(WorkerSettings(storage=tmp_path), SWEEP, make_spec())
    broom.look(Story(), cancelled=False)
    broom.sweep()
    assert broom.close(0)
