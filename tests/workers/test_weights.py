from __future__ import annotations

from pathlib import Path

import pytest
from stories import Script, make_spec

from workers.checkpoints import CheckpointFolder
from workers.mirror import Mirror
from workers.order import checkpoints_of, trial_folder
from workers.settings import WorkerSettings
from workers.weights import kept_weights, last_words, told

SWEEP = "swp_" + "4" * 32


def write(root: Path) -> Path:
    return CheckpointFolder(root).write(100, lambda d: (d / "a").write_text("x") and None)


def test_the_folder_or_else_the_mirror_holds_the_weights(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    settings = WorkerSettings(storage=tmp_path / "storage", checkpoints=f"file://{tmp_path}/there")
    script = Script()
    for final in (2.0, 1.0, 3.0, 4.0):
        script.run(final)
    here = write(checkpoints_of(trial_folder(settings.sweep_folder(SWEEP), 0)))
    url = settings.mirror_of(SWEEP, 1) or ""
    Mirror(url).push(write(tmp_path / "elsewhere"), 1)
    spec = make_spec(checkpoints={"keep_best": 3})
    found = kept_weights(settings, SWEEP, spec, script.story)
    assert list(found.items()) == [(1, f"{url}/step-00000100"), (0, str(here))]
    assert told(found) == f"The weights of trial 1: {url}/step-00000100"
    away = settings.model_copy(update={"checkpoints": "nosuch://x"})
    assert kept_weights(away, SWEEP, spec, script.story) == {0: str(here)}
    assert "does not answer" in caplog.text
    assert (
        kept_weights(settings, SWEEP, make_spec(checkpoints={"keep_best": 0}), script.story) == {}
    )


def test_the_note_says_where_they_are_and_why_it_failed() -> None:
    assert last_words("DONE", "Trial 1 is best.", {1: "/a"}) == "The weights of trial 1: /a"
    assert last_words("DONE", "Trial 1 is best.", {}) == ""
    assert last_words("FAILED", "No data.", {}) == "No data."
