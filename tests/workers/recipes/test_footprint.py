"""On a CPU; a device's own numbers are in test_context, with a stand-in for its allocator."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from recipe_support import make_run

from sweeps.trial import NOTHING_SEEN, Footprint, Report
from workers.recipes import sft
from workers.recipes.footprint import Meter
from workers.recipes.world import World


def test_the_largest_micro_batch_counts() -> None:
    meter = Meter("cpu")
    assert meter.footprint() == Footprint(device="cpu")
    for tokens in (30, 120, 60):
        meter.micro_batch(tokens)
    assert meter.footprint() == Footprint(device="cpu", micro_batch_tokens=120)


def test_the_last_checkpoint_counts_without_what_the_context_wrote(tmp_path: Path) -> None:
    meter = Meter("cpu")
    for name, size in (("model.safetensors", 100), ("rank0/optimizer", 20), ("context.json", 7)):
        file = tmp_path / "step-00000003" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(bytes(size))
    (tmp_path / "other").write_bytes(bytes(5))
    report = Report(point=1, samples=8, step=3, window=NOTHING_SEEN)
    told = Footprint(device="cpu", checkpoint_bytes=120)
    assert meter.saved(report, tmp_path) == report.model_copy(update={"footprint": told})


def test_only_the_rank_that_writes_looks_at_the_checkpoint(tmp_path: Path) -> None:
    """What another one lists may be deleted by rank 0 before it is weighed."""
    old = tmp_path / "step-00000001" / "model.safetensors"
    old.parent.mkdir()
    old.write_bytes(bytes(5))
    second = World()
    second.rank, second.size = 1, 2
    report = Report(point=1, samples=8, step=3, window=NOTHING_SEEN)
    told = Meter("cpu", second).saved(report, tmp_path).footprint
    assert told == Footprint(device="cpu")


def test_a_cpu_has_no_peak() -> None:
    assert Meter("cpu").peak_memory() is None


class Beside(World):
    """Rank 0 of two; `others` are the other one's numbers."""

    size = 2

    def __init__(self, *others: int) -> None:
        self._others = list(others)

    def most(self, number: int) -> int:
        return max(number, self._others.pop(0))


@pytest.mark.parametrize("mine", [24, 80])
def test_of_unlike_devices_the_one_that_would_run_out_first_is_told(
    monkeypatch: pytest.MonkeyPatch, mine: int
) -> None:
    properties = SimpleNamespace(name="some GPU", total_memory=mine)
    for name, answer in (
        ("init", None),
        ("max_memory_allocated", 7),
        ("reset_peak_memory_stats", None),
        ("get_device_properties", properties),
    ):
        monkeypatch.setattr(torch.cuda, name, lambda *_, answer=answer: answer)
    # What it asks of all: a peak, the memory (the least of it), the tokens.
    meter = Meter("cuda", Beside(9, -48, 300))
    meter.micro_batch(200)
    assert meter.peak_memory() == 9
    told = meter.footprint()
    assert (told.device_memory_bytes, told.micro_batch_tokens) == (min(mine, 48), 300)


def test_a_run_of_the_built_in_recipe_tells_of_both(folder: Path) -> None:
    run = make_run(folder, micro_batch_size=2)
    sft.run(run.context)
    told = [report.footprint for report in run.link.reports]
    assert all(one is not None and one.micro_batch_tokens for one in told)
    last = told[-1]
    assert last is not None
    # Weights and two moments, in single precision.
    model = run.context.cache["sft.base"].model
    assert (last.checkpoint_bytes or 0) > 12 * sum(p.numel() for p in model.parameters())
