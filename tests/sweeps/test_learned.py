from __future__ import annotations

from typing import Any

from stories import make_spec

from sweeps.cost_key import cost_key
from sweeps.cost_model import Measurement
from sweeps.learned import CostBook
from sweeps.planning import plan
from sweeps.spec import SweepSpec
from sweeps.trial import Params

GB = 2**30
BASE, SLOPE = 8 * GB, GB // 1024


def spec_of(**changes: Any) -> SweepSpec:
    """One that sweeps the adapter, at a length of 8192."""
    workload = {"recipe": "sft", "model": "some/model", "data": {"train": "a"}, "max_length": 8192}
    axes = {
        "global_batch_size": {"values": [8]},
        "learning_rate": {"values": [1e-3, 1e-4]},
        "adapter": {"values": ["full", "lora"]},
    }
    return make_spec(workload=workload, parameters=axes, **changes)


def rows_of(
    spec: SweepSpec, params: Params, *, memory: int, base: int = BASE, device: str = "gpu"
) -> list[Measurement]:
    """Three trials on devices of `memory` GB, on a line: no run peaks above its device."""
    assert base + SLOPE * 4096 <= memory * GB
    return [
        Measurement(
            key=cost_key(spec.spec.workload, params, device),
            micro_batch_tokens=tokens,
            peak_memory_bytes=base + SLOPE * tokens,
            device_memory_bytes=memory * GB,
            checkpoint_bytes=3 * GB,
            tokens_per_second=100.0,
        )
        for tokens in (1024, 2048, 4096)
    ]


def test_nothing_measured() -> None:
    spec = spec_of()
    book = CostBook(spec, [])
    assert book.learned([{"adapter": "full"}]) is None
    assert book.refusal({"adapter": "full"}) is None
    assert book.fitting_tokens([{}]) is None
    assert not book.side_by_side([{}])
    found = plan(spec)
    assert (found.learned, found.disk_bytes, found.refused_count) == (None, None, 0)


def test_a_cell_that_cannot_fit_is_refused_and_no_other() -> None:
    """Full fine-tuning would take 16 GB for one sample; lora 9 GB, on devices of 12."""
    spec = spec_of()
    rows = rows_of(spec, {}, memory=12)
    rows += rows_of(spec, {"adapter": "lora"}, memory=12, base=GB)
    found = plan(spec, costs=rows)
    assert found.refused_count == 2
    assert {cell.params["adapter"] for cell in found.refused} == {"full"}
    assert "the largest device seen has 12.00 GB" in found.refused[0].reason
    assert found.trials == 2


def test_who_sets_the_micro_batch_is_not_refused() -> None:
    spec = spec_of(resources={"per_device_train_batch_size": 1})
    assert plan(spec, costs=rows_of(spec, {}, memory=12)).refused_count == 0


def test_a_cell_that_was_never_measured_is_tried() -> None:
    spec = spec_of()
    book = CostBook(spec, rows_of(spec, {}, memory=12))
    assert book.refusal({"adapter": "full"}) is not None
    assert book.refusal({"adapter": "lora"}) is None
    assert book.fitting_tokens([{"adapter": "full"}, {"adapter": "lora"}]) is None


def test_the_heaviest_cell_decides() -> None:
    spec = spec_of()
    rows = rows_of(spec, {}, memory=24)
    rows += rows_of(spec, {"adapter": "lora"}, memory=24, base=6 * GB)
    cells: list[Params] = [{"adapter": "full"}, {"adapter": "lora"}]
    found = CostBook(spec, rows).learned(cells)
    assert found is not None
    assert (found.trials, found.device, found.device_memory_bytes) == (6, "gpu", 24 * GB)
    assert found.peak_memory_bytes is not None
    assert round(found.peak_memory_bytes.middle / GB) == 12
    assert found.first_micro_batch == 1
    assert found.trials_per_device == 1
    assert found.memory_deviation is not None
    assert found.memory_deviation.n == 3
    assert found.speed_deviation is not None


def test_two_fit_side_by_side_only_when_all_do() -> None:
    spec = spec_of()
    heavy = rows_of(spec, {}, memory=24)
    light = rows_of(spec, {"adapter": "lora"}, memory=24, base=GB)
    both: list[Params] = [{"adapter": "full"}, {"adapter": "lora"}]
    assert CostBook(spec, light).side_by_side([{"adapter": "lora", "lora_r": 16}])
    assert not CostBook(spec, light).side_by_side(both)
    assert not CostBook(spec, heavy + light).side_by_side(both)
    # Another kind of device of the pool has no room for two, whoever reported last.
    small = rows_of(spec, {"adapter": "lora"}, memory=6, base=GB, device="small")
    for rows in (light + small, small + light):
        assert not CostBook(spec, rows).side_by_side([{"adapter": "lora"}])


def test_the_first_micro_batch_fits_every_kind_of_gpu_of_the_pool() -> None:
    """Whoever reported last, and whatever CPUs ran."""
    spec = spec_of()
    cell: list[Params] = [{"adapter": "full"}]
    large = rows_of(spec, {}, memory=24)
    small = rows_of(spec, {}, memory=20, device="small")
    alone = [CostBook(spec, rows).fitting_tokens(cell) for rows in (large, small)]
    assert alone[0] is not None
    assert alone[1] is not None
    assert alone[1] < alone[0]
    cpu = Measurement(key=cost_key(spec.spec.workload, {}, "cpu"))
    for rows in ([*large, *small], [*small, *large], [cpu, *large, *small]):
        assert CostBook(spec, rows).fitting_tokens(cell) == alone[1]
    # A kind that nothing like it ran on is unknown.
    other = rows_of(spec, {"adapter": "lora"}, memory=80, base=GB, device="other")
    assert CostBook(spec, [*large, *other]).fitting_tokens(cell) is None


def test_the_disk_of_parked_trials_is_told() -> None:
    """Four trials and the row of the preset, two checkpoints of 3 GB each; without a pruner none
    is parked."""
    spec = spec_of(pruning={"type": "median"})
    rows = rows_of(spec, {}, memory=80)
    assert plan(spec, costs=rows).disk_bytes == (4 + 1) * 2 * 3 * GB
    never = spec_of(pruning={"type": "never"}, resources={"max_parallel": 1})
    assert plan(never, costs=rows).disk_bytes == (2 + 1) * 2 * 3 * GB
