"""On a CPU; a device's own numbers are in test_context, with a stand-in for its allocator."""

from __future__ import annotations

from pathlib import Path

from recipe_support import make_run

from sweeps.trial import NOTHING_SEEN, Footprint, Report
from workers.recipes import sft
from workers.recipes.footprint import Meter


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


def test_a_cpu_has_no_peak() -> None:
    assert Meter("cpu").peak_memory() is None


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
