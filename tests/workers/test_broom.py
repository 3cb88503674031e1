from __future__ import annotations

import logging
from pathlib import Path

import fsspec
import pytest
from stories import Script, make_spec

from sweeps.journal import Story
from sweeps.lifecycle import AttemptEnd
from sweeps.phases import stages_in
from sweeps.prefixes import prefixes
from sweeps.trial import Params, Trial
from workers.broom import Broom
from workers.checkpoints import CheckpointFolder
from workers.mirror import Mirror
from workers.order import checkpoints_of, shared_folder, trial_folder
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


def test_a_search_over_seeds_drops_what_lost_once_it_is_complete(settings: WorkerSettings) -> None:
    axes = {"global_batch_size": {"value": 10}, "learning_rate": {"values": [0.1, 0.2]}}
    spec, script = make_spec(parameters={**axes, "seed": {"values": [1, 2]}}), Script()
    for rate, seed, loss in ((0.1, 1, 1.0), (0.1, 2, 1.1), (0.2, 1, 0.9), (0.2, 2, 2.0)):
        script.run(loss, learning_rate=rate, seed=seed)
    fill(settings)
    broom = Broom(settings, SWEEP, spec)
    for complete, stay in ((False, [0, 2]), (True, [0])):
        broom.look(script.story, cancelled=False, complete=complete)
        broom.sweep(rest_seconds=0)
        assert left(settings) == stay
    assert broom.close(20)


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


def test_what_trials_leave_for_each_other_stays_until_no_trial_can_begin_from_it(
    settings: WorkerSettings,
) -> None:
    spec = make_spec(
        workload={
            "model": {"tiny": "llama"},
            "data": {"eval": "e.jsonl"},
            "strategy": {"phased": [{"data": "a", "samples": 400}, {"data": "b"}]},
        },
        parameters={
            "global_batch_size": {"value": 10},
            "learning_rate": {"value": 1.0},
            "phase2_learning_rate": {"values": [0.1, 0.2]},
        },
    )
    script = Script(1000, phase_samples=[400, 600])
    base: Params = {"global_batch_size": 10, "learning_rate": 1.0}
    trials = [Trial(n, {**base, "phase2_learning_rate": rate}) for n, rate in enumerate((0.1, 0.2))]
    (prefix,) = prefixes(spec, stages_in(spec, script.story), trials[0])
    mirror = settings.shared_mirror_of(SWEEP, prefix.key) or ""
    shared = CheckpointFolder(shared_folder(settings.sweep_folder(SWEEP)) / prefix.key)
    made = shared.write(40, lambda draft: (draft / "a").write_text("x") and None)
    Mirror(mirror).push(made, 1)

    broom = Broom(settings, SWEEP, spec)
    first = script.ask(**trials[0].params)
    script.end(first, AttemptEnd.STOPPED)
    broom.look(script.story, cancelled=False)
    broom.sweep(rest_seconds=0)
    assert shared.newest() is not None  # the other cell was not asked yet
    second = script.ask(**trials[1].params)
    broom.look(script.story, cancelled=False)
    broom.sweep(rest_seconds=0)
    assert shared.newest() is not None  # it may be lost before it has a checkpoint of its own
    script.end(second, AttemptEnd.STOPPED)
    broom.look(script.story, cancelled=False)
    broom.look(script.story, cancelled=False)
    broom.sweep(rest_seconds=0)
    assert broom.close(5)
    assert shared.newest() is None
    assert Mirror(mirror).names() == []


def test_at_the_end_of_a_sweep_nothing_shared_is_left(settings: WorkerSettings) -> None:
    shared = CheckpointFolder(shared_folder(settings.sweep_folder(SWEEP)) / "phase1-abc")
    shared.write(40, lambda draft: (draft / "a").write_text("x") and None)
    broom = Broom(settings, SWEEP, make_spec())
    broom.drop_shared()
    broom.sweep(rest_seconds=0)
    assert not shared.root.exists()
