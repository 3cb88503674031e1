from __future__ import annotations

import json
import math
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from recipe_support import RecordingLink, Run, make_run

from sweeps.spec import Evaluation
from sweeps.trial import Footprint
from workers.recipes.context import MICRO_BATCH_SIZE, Order, Part, Paused, Stopped


def drive(run: Run, steps: int, **given: Any) -> None:
    """`steps` optimizer steps of 4 samples, from where the context stands."""
    for _ in range(steps):
        number = run.context.steps_done + 1
        values: dict[str, Any] = {
            "samples": 4, "tokens": 40, "loss": 2.0 + number, "grad_norm": 0.5 * number,
            "learning_rate": 0.1,
        }  # fmt: skip
        run.context.step(**{**values, **given})


def register(run: Run, state: dict[str, int] | None = None) -> dict[str, int]:
    kept = {} if state is None else state

    def save(folder: Path) -> None:
        (folder / "state.json").write_text(json.dumps(kept))

    def load(folder: Path) -> None:
        kept.update(json.loads((folder / "state.json").read_text()))

    run.context.register_state(save, load)
    return kept


def test_a_report_comes_at_every_decision_point_with_the_steps_since(tmp_path: Path) -> None:
    run = make_run(tmp_path, horizon=24, points=3)
    register(run)
    drive(run, 6)
    assert [(r.point, r.samples, r.step) for r in run.link.reports] == [
        (1, 8, 2), (2, 16, 4), (3, 24, 6),
    ]  # fmt: skip
    window = run.link.reports[1].window
    assert (window.steps, window.tokens) == (2, 80)
    assert window.loss is not None
    assert window.grad_norm is not None
    assert (window.loss.value, window.grad_norm.value) == (5.5, 1.75)
    assert run.link.pulses == [4, 12, 20]
    assert (run.context.steps_done, run.context.samples_seen) == (6, 24)


def test_a_recipe_finds_the_micro_batch_of_whom_names_none(tmp_path: Path) -> None:
    assert make_run(tmp_path).context.micro_batch_size == MICRO_BATCH_SIZE
    assert make_run(tmp_path, micro_batch_size=3).context.micro_batch_size == 3


def test_every_step_is_logged_at_its_samples(tmp_path: Path) -> None:
    run = make_run(tmp_path)
    register(run)
    drive(run, 2, grad_norm=None, evaluate=lambda: {"eval_loss": 1.5})
    assert run.log.entries == [
        (4, {"loss": 3.0, "learning_rate": 0.1, "num_tokens": 40.0}),
        (8, {"loss": 4.0, "learning_rate": 0.1, "num_tokens": 80.0}),
        (8, {"eval_loss": 1.5}),
    ]
    assert run.link.reports[0].window.grad_norm is None


def test_the_noise_is_logged_at_decision_points(tmp_path: Path) -> None:
    run = make_run(tmp_path, horizon=16, points=2)
    register(run)
    drive(run, 2, grad_norm=2.0, part=Part(1, 3.0))
    drive(run, 1, grad_norm=2.0, part=None)
    drive(run, 1, grad_norm=2.0, part=Part(1, 1.0))
    windows = [report.window for report in run.link.reports]
    # |G|^2 = (4 x 4 - 1 x 9) / 3, tr = (9 - 4) / (1 - 1/4); then the part is the smaller one.
    assert windows[0].true_grad_norm == pytest.approx(math.sqrt(7 / 3))
    assert windows[0].noise_scale == pytest.approx((20 / 3) / (7 / 3))
    assert (windows[1].true_grad_norm, windows[1].noise_scale) == (math.sqrt(5), None)
    told = [(at, entry) for at, entry in run.log.entries if "loss" not in entry]
    assert told == [
        (8, {"noise_scale": windows[0].noise_scale, "true_grad_norm": windows[0].true_grad_norm}),
        (16, {"true_grad_norm": windows[1].true_grad_norm}),
    ]


def test_an_evaluation_is_made_where_it_is_due_and_at_the_end(tmp_path: Path) -> None:
    run = make_run(tmp_path, horizon=40, points=10, evaluation=Evaluation(every_points=4))
    register(run)
    drive(run, 10, evaluate=lambda: {"eval_loss": 1.0})
    assert [r.point for r in run.link.reports if r.metrics] == [4, 8, 10]


def test_a_step_over_several_points_reports_the_last_and_makes_up_the_evaluation(
    tmp_path: Path,
) -> None:
    run = make_run(tmp_path, params={"global_batch_size": 16}, horizon=40, points=10,
                   evaluation=Evaluation(every_points=3))  # fmt: skip
    register(run)
    drive(run, 3, samples=16, evaluate=lambda: {"eval_loss": 1.0})
    assert [(r.point, bool(r.metrics)) for r in run.link.reports] == [
        (4, True), (8, True), (10, True),
    ]  # fmt: skip


@pytest.mark.parametrize("at", [4, 8])
def test_stop_ends_the_run_without_a_checkpoint(tmp_path: Path, at: int) -> None:
    run = make_run(tmp_path, link=RecordingLink(Order.STOP, at))
    register(run)
    with pytest.raises(Stopped) as caught:
        drive(run, 6)
    assert not isinstance(caught.value, Paused)
    assert run.context.samples_seen == at
    assert not (tmp_path / "trial").exists()


def test_a_recipe_that_catches_exceptions_cannot_swallow_a_stop() -> None:
    assert not issubclass(Stopped, Exception)
    assert issubclass(Paused, Stopped)


@pytest.mark.parametrize("at", [4, 8, 12])
def test_a_resumed_context_goes_on_as_if_nothing_had_happened(tmp_path: Path, at: int) -> None:
    whole = make_run(tmp_path, trial="whole")
    register(whole, {"at": at})
    drive(whole, 6)
    first = make_run(tmp_path, link=RecordingLink(Order.PAUSE, at))
    register(first, {"at": at})
    with pytest.raises(Paused):
        drive(first, 6)
    second = make_run(tmp_path)
    assert second.context.steps_done == 0
    assert register(second) == {"at": at}
    assert second.context.steps_done == at // 4
    drive(second, 6 - at // 4)
    untimed = [
        [r.model_copy(update={"window": r.window.model_copy(update={"tokens_per_second": None})})
         for run in runs for r in run.link.reports]
        for runs in ([whole], [first, second])
    ]  # fmt: skip
    assert untimed[0] == untimed[1]
    assert first.log.entries + second.log.entries == whole.log.entries


def test_a_window_with_nan_survives_a_pause(tmp_path: Path) -> None:
    first = make_run(tmp_path, horizon=40, points=1, link=RecordingLink(Order.PAUSE, 8))
    register(first)
    drive(first, 1, grad_norm=math.nan)
    with pytest.raises(Paused):
        drive(first, 1, loss=math.inf)
    second = make_run(tmp_path, horizon=40, points=1)
    register(second)
    drive(second, 8)
    assert second.link.reports[-1].window.non_finite == 2


@pytest.mark.parametrize(
    ("given", "guard"),
    [
        ({"loss": math.nan}, "non_finite_loss"),
        ({"grad_norm": math.inf}, "non_finite_grad_norm"),
        ({"loss": 0.0, "grad_norm": 0.0}, "zero_loss"),
        ({"loss": 0.0, "grad_norm": None}, "zero_loss"),
    ],
)
def test_a_guard_reports_at_once_under_the_next_point(
    tmp_path: Path, given: dict[str, float | None], guard: str
) -> None:
    run = make_run(tmp_path, horizon=24, points=3, link=RecordingLink(Order.STOP))
    register(run)
    with pytest.raises(Stopped):
        drive(run, 1, evaluate=lambda: pytest.fail("a broken run is not evaluated"), **given)
    (report,) = run.link.reports
    assert (report.guard, report.point, report.samples, report.metrics) == (guard, 1, 4, {})


def test_a_loss_of_zero_without_labels_trips_nothing(tmp_path: Path) -> None:
    run = make_run(tmp_path)
    register(run)
    drive(run, 1, loss=0.0, grad_norm=0.0, label_tokens=0)
    assert run.link.reports == []


def test_a_converged_run_is_not_broken(tmp_path: Path) -> None:
    logits = torch.tensor([[20.0, 0.0, 0.0]], requires_grad=True)
    loss = torch.nn.functional.cross_entropy(logits, torch.tensor([0]))
    loss.backward()
    assert loss.item() == 0.0
    assert logits.grad is not None
    run = make_run(tmp_path)
    register(run)
    drive(run, 1, loss=loss.item(), grad_norm=logits.grad.norm().item(), label_tokens=1)
    assert run.link.reports == []


class Allocator:
    """What torch keeps of a GPU's memory, for machines that have none."""

    def __init__(self, in_use: int, peak: int) -> None:
        self.in_use, self.peak = in_use, peak

    def use(self, size: int) -> None:
        self.in_use, self.peak = size, max(self.peak, size)

    def init(self) -> None:
        pass

    def max_memory_allocated(self) -> int:
        return self.peak

    def reset_peak_memory_stats(self) -> None:
        self.peak = self.in_use

    def get_device_properties(self, device: int) -> SimpleNamespace:
        return SimpleNamespace(name="NVIDIA Test", total_memory=1000)


def test_a_window_has_its_own_peak_of_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    gpu = Allocator(in_use=10, peak=900)  # 900 was an earlier trial's, in the same warm process
    monkeypatch.setattr(torch, "cuda", gpu)
    run = make_run(tmp_path, device="cuda")
    register(run)
    for step_peak in (50, 20, 30, 20, 20, 25):
        gpu.use(step_peak)
        run.context.micro_batch(step_peak)
        drive(run, 1)
    assert [report.window.peak_memory_bytes for report in run.link.reports] == [50, 30, 25]
    told = run.link.reports[-1].footprint
    assert told == Footprint(
        device="NVIDIA Test",
        device_memory_bytes=1000,
        micro_batch_tokens=50,
        checkpoint_bytes=len("{}"),
    )


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_a_real_gpus_peak_is_that_of_the_window(tmp_path: Path) -> None:
    large = torch.zeros(64 << 20, dtype=torch.uint8, device="cuda")
    del large
    run = make_run(tmp_path, device="cuda")
    register(run)
    drive(run, 1)
    small = torch.zeros(8 << 20, dtype=torch.uint8, device="cuda")
    del small
    drive(run, 3)
    first, second = (report.window.peak_memory_bytes for report in run.link.reports)
    assert first is not None
    assert second is not None
    assert 8 << 20 <= first < 64 << 20
    assert second < 8 << 20


def test_nothing_changed_counts_only_when_the_rate_is_positive(tmp_path: Path) -> None:
    run = make_run(tmp_path)
    register(run)
    drive(run, 1, changed=False, learning_rate=0.0)
    drive(run, 1, changed=False)
    assert run.link.reports[0].window.unchanged == 1


def test_it_saves_by_the_clock(tmp_path: Path) -> None:
    run = make_run(tmp_path, checkpoint_seconds=0.0)
    register(run, {"kept": 1})
    drive(run, 3)
    names = sorted(path.name for path in (tmp_path / "trial").iterdir())
    assert names == ["step-00000002", "step-00000003"]
    again = make_run(tmp_path)
    assert register(again) == {"kept": 1}
    assert again.context.samples_seen == 12


def test_a_recipe_may_save_by_itself(tmp_path: Path) -> None:
    run = make_run(tmp_path)
    run.context.checkpoint()
    assert not (tmp_path / "trial").exists()
    register(run)
    drive(run, 1)
    run.context.checkpoint()
    assert [path.name for path in (tmp_path / "trial").iterdir()] == ["step-00000001"]


def test_a_recipe_without_state_pauses_and_starts_anew(tmp_path: Path) -> None:
    run = make_run(tmp_path, link=RecordingLink(Order.PAUSE, 4))
    with pytest.raises(Paused):
        drive(run, 1)
    again = make_run(tmp_path)
    register(again)
    assert again.context.steps_done == 0


def test_what_only_a_lost_driver_heard_is_said_again(tmp_path: Path) -> None:
    """A driver that had lost its lease answered, and a checkpoint was written after that."""
    first = make_run(tmp_path, link=RecordingLink(Order.PAUSE, 20))
    register(first)
    with pytest.raises(Paused):
        drive(first, 6)
    assert [report.point for report in first.link.reports] == [1, 2]
    for heard, again in ((0, [1, 2, 3]), (1, [2, 3]), (2, [3]), (None, [3])):
        other = make_run(tmp_path, heard=heard)
        register(other)
        drive(other, 1)
        assert [report.point for report in other.link.reports] == again
        assert other.link.reports[:-1] == first.link.reports[3 - len(again) :][: len(again) - 1]


def test_what_is_said_again_outlives_another_pause(tmp_path: Path) -> None:
    first = make_run(tmp_path, link=RecordingLink(Order.PAUSE, 20))
    register(first)
    with pytest.raises(Paused):
        drive(first, 6)
    for order, unheard in ((Order.LEAVE, [1, 2]), (Order.PAUSE, [2])):
        second = make_run(tmp_path, heard=0, link=RecordingLink(order, 0))
        with pytest.raises(Paused):
            register(second)
        assert [report.point for report in second.link.reports] == [1]
        third = make_run(tmp_path, heard=2 - len(unheard))
        register(third)
        assert [report.point for report in third.link.reports] == unheard
