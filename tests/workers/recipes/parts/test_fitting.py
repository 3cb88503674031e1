from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from recipe_support import Run, make_run, tiny_workload

from sweeps.trial import BatchCut
from workers.recipes.parts.fitting import Fit, first_limit, leave_word, remember
from workers.recipes.parts.materials import materials


class Device:
    """What a trial asks before its first step, on a device with room for so many examples."""

    def __init__(self, folder: Path, room: int, cache: dict[str, Any] | None = None) -> None:
        self.folder, self.room, self.cache = folder, room, {} if cache is None else cache
        self.tried: list[int] = []

    def fit(self, job: Run, device: str = "cuda") -> Fit:
        base, train, _ = materials(job.context)
        # The model stays on the CPU: only the question is asked as for a GPU.
        job.context.device = device

        def attempt(size: int, packed: bool) -> None:
            self.tried.append(size)
            if size > self.room:
                raise torch.OutOfMemoryError("CUDA out of memory.")

        return first_limit(job.context, base, base.fresh(), train.examples, attempt)

    def job(self, **setting: Any) -> Run:
        return make_run(self.folder, params={"global_batch_size": 40}, horizon=80,
                        cache=self.cache, **setting)  # fmt: skip


def test_on_a_gpu_a_probe_finds_what_fits_once_a_worker(folder: Path) -> None:
    device = Device(folder, room=13)
    fit = device.fit(device.job())
    assert (fit.limit.samples, fit.halvings) == (13, 0)
    assert device.tried[0] == 40  # no more than a global batch is needed
    asked = len(device.tried)
    assert device.fit(device.job()).limit.samples == 13
    assert len(device.tried) == asked


def test_a_named_micro_batch_is_the_most(folder: Path) -> None:
    device = Device(folder, room=13)
    assert device.fit(device.job(micro_batch_size=4)).limit.samples == 4
    assert device.tried == [4]
    small = Device(folder, room=2)
    assert small.fit(small.job(micro_batch_size=4)).limit.samples == 2


def test_what_was_foretold_is_tried_first_and_is_no_more_than_a_guess(folder: Path) -> None:
    right, wrong = Device(folder, room=13), Device(folder, room=4)
    _, train, _ = materials(right.job().context)
    tokens = 10 * int(train.examples.lengths.max())
    assert right.fit(right.job(micro_batch_tokens=tokens)).limit.samples == 10
    assert right.tried == [10]
    assert wrong.fit(wrong.job(micro_batch_tokens=tokens)).limit.samples == 4
    assert wrong.tried[0] == 10


def test_on_a_cpu_nothing_is_tried(folder: Path) -> None:
    device = Device(folder, room=0)
    assert device.fit(device.job(), "cpu").limit.samples == 8
    assert device.fit(device.job(micro_batch_size=3), "cpu").limit.samples == 3
    assert device.tried == []


def test_what_fits_nowhere_is_left_to_the_first_step(folder: Path) -> None:
    device = Device(folder, room=0)
    assert device.fit(device.job()).limit.samples == 1


def test_what_a_trial_came_to_is_known_to_the_next_of_its_shape(folder: Path) -> None:
    device = Device(folder, room=40)
    job = device.job()
    fit = device.fit(job).halved()
    assert (fit.limit.samples, fit.halvings) == (20, 1)
    remember(job.context, fit)
    assert device.fit(device.job()).limit.samples == 20
    other = make_run(folder, tiny_workload(options={"gradient_checkpointing": True}),
                     {"global_batch_size": 40}, horizon=80, cache=device.cache)  # fmt: skip
    assert device.fit(other).limit.samples == 40


def test_a_resumed_run_has_the_one_it_had(folder: Path) -> None:
    device = Device(folder, room=40)
    job = device.job()
    job.context.cut = BatchCut(
        effective_batch_size=40, devices=1, per_device_train_batch_size=5,
        gradient_accumulation_steps=8, halvings=3,
    )  # fmt: skip
    fit = device.fit(job)
    assert (fit.limit.samples, fit.halvings, device.tried) == (5, 3, [])


def test_a_word_counts_until_a_smaller_one_is_saved(folder: Path) -> None:
    """An attempt that runs out of memory leaves word; the next one may halve again, and save."""
    device = Device(folder, room=40)
    job = device.job()
    leave_word(job.context, device.fit(job))
    assert device.fit(device.job()).halvings == 1
    for halvings, size in ((0, 20), (1, 20), (2, 10)):
        later = device.job()
        later.context.cut = BatchCut(
            effective_batch_size=40, devices=1, per_device_train_batch_size=40 >> halvings,
            gradient_accumulation_steps=4, halvings=halvings,
        )  # fmt: skip
        assert device.fit(later).limit.samples == size


@pytest.mark.parametrize(
    ("options", "packed"),
    [({}, True), ({"packing": False}, False), ({"torch_compile": True}, False)],
)
def test_rows_are_packed_unless_that_is_asked_otherwise(
    folder: Path, options: dict[str, bool], packed: bool
) -> None:
    device = Device(folder, room=40)
    job = make_run(folder, tiny_workload(options=options))
    assert device.fit(job, "cpu").limit.packed is packed
