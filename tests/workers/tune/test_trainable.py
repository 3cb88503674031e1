"""The actor's class without Ray's controller: what Ray would call, in the order it calls it."""

from __future__ import annotations

import traceback
from collections.abc import Iterator
from functools import partialmethod
from pathlib import Path
from typing import Any

import pytest
import torch
import toy_recipe
from tests_support import make_order, toy_spec

from workers.order import AttemptOrder
from workers.runner import Runner
from workers.settings import WorkerSettings
from workers.tune import trainable
from workers.tune.trainable import AttemptError, TrialTrainable, limit_memory
from workers.upkeep import Upkeep


def config(settings: WorkerSettings, number: int = 0, **options: Any) -> dict[str, Any]:
    spec = toy_spec(workload={"recipe": "toy", "options": options})
    return {"order": make_order(settings, spec, number).model_dump_json()}


@pytest.fixture
def actor(settings: WorkerSettings) -> Iterator[TrialTrainable]:
    made = TrialTrainable(config(settings))
    yield made
    made.cleanup()


def until_report(actor: TrialTrainable) -> dict[str, Any]:
    while True:
        result = actor.step()
        if result["kind"] != "pulse":
            return dict(result)


def test_setting_up_touches_nothing(settings: WorkerSettings, tmp_path: Path) -> None:
    spare = TrialTrainable(config(settings))
    assert spare.reset_config(config(settings, number=1))
    spare.cleanup()
    assert not (tmp_path / "sweeps").exists()


def test_five_reports_then_done(actor: TrialTrainable) -> None:
    results = [until_report(actor) for _ in range(6)]
    assert [result["kind"] for result in results] == ["report"] * 5 + ["finished"]
    assert [result["done"] for result in results] == [False] * 5 + [True]


def test_a_reset_ends_one_attempt_and_begins_another(
    actor: TrialTrainable, settings: WorkerSettings
) -> None:
    until_report(actor)
    assert actor.reset_config(config(settings, number=1))
    assert until_report(actor)["samples"] == 64
    assert (settings.storage / "sweeps").exists()


def test_saving_pauses_and_the_next_attempt_goes_on(
    actor: TrialTrainable, settings: WorkerSettings
) -> None:
    until_report(actor)
    saved = actor.save_checkpoint("unused")
    assert saved["kind"] == "paused"
    assert actor.reset_config(config(settings))
    assert until_report(actor)["samples"] == 128


def test_a_beat_without_news(settings: WorkerSettings) -> None:
    actor = TrialTrainable(config(settings, step_seconds=0.3))
    assert actor.step()["kind"] == "pulse"
    actor.cleanup()


def test_what_a_recipe_raises_can_be_read_from_rays_text(settings: WorkerSettings) -> None:
    actor = TrialTrainable(config(settings, raise_at=0))
    with pytest.raises(AttemptError) as caught:
        until_report(actor)
    rays = f"Failure # 1\nray.exceptions.RayTaskError: blah\nx.AttemptError: {caught.value}\n"
    read = AttemptError.read(rays)
    assert read is not None
    assert "raised at step 0" in read.text
    assert read.fatal is False
    assert AttemptError.read("The actor died unexpectedly") is None


def test_a_worker_that_leaks_says_so_with_the_last_result(
    settings: WorkerSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(trainable, "_UPKEEP", Upkeep())
    settings = settings.model_copy(update={"worker_growth_mb": 96})
    actor = TrialTrainable(config(settings, leak_mb=64))
    said = []
    for number in range(1, 4):
        results = [until_report(actor) for _ in range(6)]
        said.append([result["worn"] for result in results])
        assert actor.reset_config(config(settings, number=number, leak_mb=64))
    actor.cleanup()
    # The first one's is the level; the third one's leak is the first beyond it and the 96 MB.
    assert said == [[False] * 6, [False] * 6, [False] * 5 + [True]]


def test_a_worker_that_leaked_in_a_stopped_trial_says_so_in_the_next(
    settings: WorkerSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(trainable, "_UPKEEP", Upkeep())
    settings = settings.model_copy(update={"worker_growth_mb": 32})
    actor = TrialTrainable(config(settings, leak_mb=64))
    assert [until_report(actor)["worn"] for _ in range(6)] == [False] * 6
    for number in (1, 2):
        assert actor.reset_config(config(settings, number=number, leak_mb=64))
        last = until_report(actor)
    assert last["worn"] is True
    actor.cleanup()


@pytest.mark.parametrize(("device", "share", "set_to"), [("cuda", 0.5, [0.5]), ("cuda", 1, [])])
def test_a_shared_gpu_is_not_taken_whole(
    order: AttemptOrder,
    device: str,
    share: float,
    set_to: list[float],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A stand-in for torch's own limit: that it holds, only a device can show."""
    seen: list[float] = []
    monkeypatch.setattr(torch.cuda, "set_per_process_memory_fraction", seen.append)
    limit_memory(order.model_copy(update={"device": device, "device_share": share}))
    assert seen == set_to


@pytest.fixture
def breaking(settings: WorkerSettings, monkeypatch: pytest.MonkeyPatch) -> TrialTrainable:
    """An actor whose recipe raises when it is stopped, after its first report."""
    quiet = toy_recipe.run

    def run(context: Any) -> None:
        try:
            quiet(context)
        finally:
            raise RuntimeError("broke on its way out")

    monkeypatch.setattr(toy_recipe, "run", run)
    made = TrialTrainable(config(settings))
    until_report(made)
    return made


def test_an_error_while_stopping_is_not_blamed_on_the_next_trial(
    breaking: TrialTrainable, settings: WorkerSettings, caplog: pytest.LogCaptureFixture
) -> None:
    with pytest.raises(RuntimeError, match="the attempt before broke this worker") as caught:
        breaking.reset_config(config(settings, number=1))
    rays = "".join(traceback.format_exception(caught.value))
    assert AttemptError.read(rays) is None
    assert "AttemptError: {" not in rays
    assert "broke on its way out" in caplog.text
    breaking.cleanup()  # Ray's next call; there is nothing left to end


def test_an_error_while_cleaning_up_is_logged(
    breaking: TrialTrainable, caplog: pytest.LogCaptureFixture
) -> None:
    breaking.cleanup()
    assert "broke on its way out" in caplog.text


def test_an_error_while_saving_is_its_own(breaking: TrialTrainable) -> None:
    with pytest.raises(AttemptError, match="broke on its way out"):
        breaking.save_checkpoint("unused")


def test_a_recipe_that_hangs_is_given_up_once(
    settings: WorkerSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Runner, "leave", partialmethod(Runner.leave, seconds=0.1))
    actor = TrialTrainable(config(settings, step_seconds=2.0))
    assert actor.step()["kind"] == "pulse"
    with pytest.raises(TimeoutError):
        actor.reset_config(config(settings, number=1))
    actor.cleanup()  # Ray calls it on its way to end the actor: it must not wait once more
