from __future__ import annotations

import queue
import threading
import time
from collections.abc import Mapping
from pathlib import Path

import pytest
import toy_recipe
from tests_support import make_order, toy_spec

from sweeps.trial import Report
from workers.checkpoints import CheckpointFolder
from workers.order import AttemptOrder
from workers.recipes.context import Context, Order, TryAgainError
from workers.runner import ERROR_CHARACTERS, Runner, Said
from workers.settings import WorkerSettings


class Lines:
    """A metric log that remembers."""

    def __init__(self) -> None:
        self.lines: list[tuple[int, dict[str, float]]] = []

    def append(self, step: int, metrics: Mapping[str, float]) -> None:
        self.lines.append((step, dict(metrics)))


def to_the_end(runner: Runner) -> tuple[list[Report], Said]:
    reports = []
    while True:
        said = runner.advance(10.0)
        if said.report is None and said.kind != "pulse":
            return reports, said
        if said.report is not None:
            reports.append(said.report)


def test_a_run_reports_every_point_and_finishes(order: AttemptOrder) -> None:
    log = Lines()
    reports, said = to_the_end(Runner(order, log, {}))
    assert said.kind == "finished"
    assert [report.point for report in reports] == [1, 2, 3, 4, 5]
    assert [report.samples for report in reports] == [64, 128, 192, 256, 320]
    assert all("eval_loss" in report.metrics for report in reports)
    steps = [step for step, metrics in log.lines if "loss" in metrics]
    assert steps == list(range(16, 336, 16))


def test_with_the_last_word_the_thread_is_gone(order: AttemptOrder) -> None:
    """Who looks at the memory then must not find what its frames held."""
    runner = Runner(order, Lines(), {})

    class Slow(queue.Queue[Said]):
        """Its writer takes a while to go on once it was heard."""

        def put(self, item: Said, block: bool = True, timeout: float | None = None) -> None:
            super().put(item, block, timeout)
            if item.kind == "finished":
                time.sleep(0.3)

    runner._said = Slow()
    assert to_the_end(runner)[1].kind == "finished"
    assert "recipe" not in [thread.name for thread in threading.enumerate()]


@pytest.mark.parametrize("saves", [True, False])
def test_it_says_whether_a_pause_saves_anything(
    order: AttemptOrder, monkeypatch: pytest.MonkeyPatch, saves: bool
) -> None:
    if not saves:
        monkeypatch.setattr(Context, "register_state", lambda *_: None)
    runner = Runner(order, Lines(), {})
    said = runner.advance(10.0)
    assert said.saves is saves
    # In the journal too, for a driver that is killed before it hears how the pause ended.
    assert said.report is not None
    assert said.report.saves is saves
    assert runner.leave(Order.PAUSE).saves is saves
    assert CheckpointFolder(Path(order.folder) / "checkpoints").newest() is None or saves


def test_nothing_happens_before_the_first_advance(order: AttemptOrder) -> None:
    log = Lines()
    assert Runner(order, log, {}).leave(Order.STOP).kind == "stopped"
    assert not log.lines
    assert not Path(order.folder).exists()


@pytest.mark.parametrize("pause_after", [1, 3])
def test_pause_saves_and_the_next_attempt_equals_an_unbroken_run(
    settings: WorkerSettings, pause_after: int
) -> None:
    whole, _ = to_the_end(Runner(make_order(settings, toy_spec(), number=1), Lines(), {}))
    order = make_order(settings, toy_spec(), number=2)
    first = Runner(order, Lines(), {})
    reports = [first.advance(10.0).report for _ in range(pause_after)]
    assert first.leave(Order.PAUSE).kind == "paused"
    rest, said = to_the_end(Runner(order, Lines(), {}))
    assert said.kind == "finished"
    assert [_timeless(r) for r in [*reports, *rest] if r] == [_timeless(r) for r in whole]


def test_pause_between_points_keeps_the_open_window(settings: WorkerSettings) -> None:
    spec = toy_spec(workload={"recipe": "toy", "options": {"step_seconds": 0.02}})
    whole, _ = to_the_end(Runner(make_order(settings, spec, number=1), Lines(), {}))
    order = make_order(settings, spec, number=2)
    first = Runner(order, Lines(), {})
    assert first.advance(0.03).kind == "pulse"
    assert first.leave(Order.PAUSE).kind == "paused"
    newest = CheckpointFolder(Path(order.folder) / "checkpoints").newest()
    assert newest is not None
    rest, _ = to_the_end(Runner(order, Lines(), {}))
    assert [_timeless(r) for r in rest] == [_timeless(r) for r in whole]


def test_stop_does_not_save(order: AttemptOrder) -> None:
    runner = Runner(order, Lines(), {})
    assert runner.advance(10.0).report is not None
    assert runner.leave(Order.STOP).kind == "stopped"
    assert CheckpointFolder(Path(order.folder) / "checkpoints").newest() is None


def test_what_the_recipe_raises_is_said_with_its_traceback(settings: WorkerSettings) -> None:
    spec = toy_spec(workload={"recipe": "toy", "options": {"raise_at": 6}})
    reports, said = to_the_end(Runner(make_order(settings, spec), Lines(), {}))
    assert said.kind == "failed"
    assert "raised at step 6" in (said.error or "")
    assert not said.fatal
    assert len(reports) == 1


def other_recipe(
    settings: WorkerSettings, folder: Path, monkeypatch: pytest.MonkeyPatch, code: str
) -> AttemptOrder:
    """An order for a recipe whose `run` is `code`."""
    (folder / f"{folder.name}_recipe.py").write_text(f"def run(context):\n    {code}\n")
    monkeypatch.syspath_prepend(str(folder))
    recipes = f"toy={folder.name}_recipe:run"
    return make_order(settings.model_copy(update={"recipes": recipes}), toy_spec())


def test_a_long_error_keeps_its_end_in_characters_that_can_be_stored(
    settings: WorkerSettings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    code = 'raise ValueError("the head" + "x" * 20000 + "\\ud800 \\0 the end")'
    order = other_recipe(settings, tmp_path, monkeypatch, code)
    said = Runner(order, Lines(), {}).advance(10.0)
    assert said.error is not None
    assert len(said.error) == ERROR_CHARACTERS
    assert said.error.startswith("(the beginning is cut)\nxxx")
    assert said.error.endswith("x? ? the end\n")


def test_a_recipe_that_exits_has_failed(
    settings: WorkerSettings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    order = other_recipe(settings, tmp_path, monkeypatch, "raise SystemExit(3)")
    said = Runner(order, Lines(), {}).advance(10.0)
    assert said.kind == "failed"
    assert "SystemExit: 3" in (said.error or "")


def test_a_recipe_that_hangs_is_not_waited_for_for_ever(settings: WorkerSettings) -> None:
    spec = toy_spec(workload={"recipe": "toy", "options": {"step_seconds": 1.0}})
    order = make_order(settings, spec)
    runner, others = Runner(order, Lines(), {}), set(threading.enumerate())
    assert runner.advance(0.05).kind == "pulse"
    (hanging,) = set(threading.enumerate()) - others
    with pytest.raises(TimeoutError, match=r"within 0\.1 s"):
        runner.leave(Order.PAUSE, seconds=0.1)
    # It wakes up too late to save: the next attempt may have begun elsewhere.
    hanging.join(20)
    assert not hanging.is_alive()
    assert CheckpointFolder(Path(order.folder) / "checkpoints").newest() is None


def test_a_guard_reports_at_once(settings: WorkerSettings) -> None:
    spec = toy_spec(workload={"recipe": "toy", "options": {"nan_at": 5}})
    order = make_order(settings, spec).model_copy(
        update={"params": {"global_batch_size": 16, "learning_rate": 1.5}}
    )
    runner = Runner(order, Lines(), {})
    assert runner.advance(10.0).kind == "report"
    said = runner.advance(10.0)
    assert said.report is not None
    assert said.report.guard == "non_finite_loss"
    assert said.report.samples == 96
    runner.leave(Order.STOP)


def _timeless(report: Report) -> Report:
    window = report.window.model_copy(update={"tokens_per_second": None})
    return report.model_copy(update={"window": window})


def test_a_device_out_of_memory_is_no_fault_of_the_spec_and_the_next_attempt_goes_on(
    settings: WorkerSettings,
) -> None:
    """It raises at step 12, once; a checkpoint was written after every step."""
    starts, marker = settings.storage / "starts", settings.storage / "raised"
    options = {"oom_at": 12, "marker": str(marker), "starts_file": str(starts)}
    spec = toy_spec(workload={"recipe": "toy", "options": options})
    settings.storage.mkdir(parents=True, exist_ok=True)
    often = settings.model_copy(update={"checkpoint_seconds": 0})
    order = make_order(often, spec)
    first, said = to_the_end(Runner(order, Lines(), {}))
    assert (said.kind, said.fatal) == ("failed", False)
    assert "torch.OutOfMemoryError: CUDA out of memory" in (said.error or "")
    assert "in _misbehave" in (said.error or ""), "the traceback belongs to it"
    second, said = to_the_end(Runner(order, Lines(), {}))
    assert said.kind == "finished"
    assert starts.read_text() == "0.1 0\n0.1 12\n"
    assert [report.point for report in [*first, *second]] == [1, 2, 3, 4, 5]


@pytest.mark.parametrize("keep", [0, 1])
def test_a_finished_trial_keeps_its_last_checkpoint_alone_if_any_are_kept(
    settings: WorkerSettings, keep: int
) -> None:
    often = settings.model_copy(update={"checkpoint_seconds": 0})
    order = make_order(often, toy_spec(checkpoints={"keep_best": keep}))
    assert to_the_end(Runner(order, Lines(), {}))[1].kind == "finished"
    names = sorted(path.name for path in (Path(order.folder) / "checkpoints").iterdir())
    assert names == (["step-00000020"] if keep else ["step-00000019", "step-00000020"])
    seldom = make_order(settings, toy_spec(checkpoints={"keep_best": keep}), number=7)
    assert to_the_end(Runner(seldom, Lines(), {}))[1].kind == "finished"
    assert (Path(seldom.folder) / "checkpoints" / "step-00000020").exists() == bool(keep)


def test_the_final_checkpoint_is_there_before_anybody_hears_of_the_end(
    settings: WorkerSettings,
) -> None:
    """A driver that dies after the last report finds a finished trial: it must have its weights.
    One that dies before hears the report again from the next attempt, which runs no step."""
    order = make_order(settings, toy_spec())
    runner = Runner(order, Lines(), {})
    said = runner.advance(10.0)
    while said.report is None or said.report.point < 5:
        said = runner.advance(10.0)
    assert (Path(order.folder) / "checkpoints" / "step-00000020" / "manifest.json").exists()
    runner.leave(Order.STOP)
    log = Lines()
    again, end = to_the_end(Runner(order, log, {}))
    assert (again, end.kind, log.lines) == ([said.report], "finished", [])


@pytest.mark.parametrize("how", ["paused", "finished"])
def test_what_was_saved_is_at_the_mirror_before_the_place_is_given_up(
    settings: WorkerSettings, how: str
) -> None:
    there = settings.storage / "there"
    mirrored = settings.model_copy(update={"checkpoints": f"file://{there}"})
    order = make_order(mirrored, toy_spec())
    runner = Runner(order, Lines(), {})
    if how == "paused":
        runner.advance(10.0)
        assert runner.leave(Order.PAUSE).kind == "paused"
    else:
        assert to_the_end(runner)[1].kind == "finished"
    (name,) = [path.name for path in (Path(order.folder) / "checkpoints").iterdir()]
    assert (there / order.sweep_id / "00000" / name / "manifest.json").exists()


def test_an_attempt_that_another_one_can_mend_is_lost_rather_than_failed(
    order: AttemptOrder, monkeypatch: pytest.MonkeyPatch
) -> None:
    def run(_: Context) -> None:
        raise TryAgainError("half the micro-batch next time")

    monkeypatch.setattr(toy_recipe, "run", run)
    _, said = to_the_end(Runner(order, Lines(), {}))
    assert (said.kind, said.lost, said.fatal) == ("failed", True, False)
    assert "half the micro-batch next time" in str(said.error)
