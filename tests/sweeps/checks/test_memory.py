from __future__ import annotations

from typing import Any

from stories import make_spec

from sweeps.checks import check
from sweeps.checks.memory import memory_faults
from sweeps.cost_key import cost_key
from sweeps.cost_model import REACH, Measurement
from sweeps.documents import read_document
from sweeps.planning import plan
from sweeps.spec import SweepSpec
from sweeps.trial import Params

GB = 2**30
MEASURED = (1024, 2048, 4096)


def spec_of(axes: dict[str, Any], length: int = 8192, **changes: Any) -> SweepSpec:
    workload = {"recipe": "sft", "model": "some/model", "data": {"train": "a", "eval": "b"}}
    parameters = {
        "global_batch_size": {"value": 8},
        "learning_rate": {"values": [1e-3, 1e-4]},
        **axes,
    }
    whole = {**workload, "max_length": length}
    return make_spec(workload=whole, parameters=parameters, **changes)


def trials(
    spec: SweepSpec, params: Params | None = None, *, device: str = "gpu", memory: int = 12
) -> list[Measurement]:
    """Such trials took 9, 10 and 12 GB, each on a device that has at least so much: one of 8,192
    tokens would take 16."""
    key = cost_key(spec.spec.workload, params or {}, device)
    peaks = [8 * GB + tokens * GB // 1024 for tokens in MEASURED]
    assert max(peaks) <= memory * GB, "no run peaks above its device"
    return [
        Measurement(
            key=key,
            micro_batch_tokens=tokens,
            peak_memory_bytes=peak,
            device_memory_bytes=memory * GB,
        )
        for tokens, peak in zip(MEASURED, peaks, strict=True)
    ]


def test_a_kind_of_cells_is_named_once_with_two_ways_out() -> None:
    """Twice the largest micro-batch that was measured."""
    spec = spec_of({"adapter": {"values": ["full", "lora"]}})
    (fault,) = memory_faults(spec, trials(spec))
    assert (fault.pointer, fault.value) == ("/spec/parameters", "adapter: full")
    assert "one sample of 8192 tokens" in fault.message
    assert "exclude: [{adapter: full}]" in fault.mend
    assert "per_device_train_batch_size: 1" in fault.mend


def test_without_any_choice_it_is_the_length() -> None:
    spec = spec_of({})
    (fault,) = memory_faults(spec, trials(spec))
    assert fault.pointer == "/spec/workload/max_length"


def test_where_nothing_fits_no_row_to_exclude_is_named() -> None:
    """It would leave no cell."""
    spec = spec_of({"adapter": {"value": "full"}})
    (fault,) = memory_faults(spec, trials(spec))
    assert (fault.pointer, fault.value) == ("/spec/workload/max_length", "all cells")
    assert "exclude" not in fault.mend


def test_beyond_the_reach_of_what_was_measured_nothing_is_refused() -> None:
    reach = spec_of({}, length=max(MEASURED) * REACH)
    assert len(memory_faults(reach, trials(reach))) == 1
    beyond = spec_of({}, length=max(MEASURED) * REACH + 1)
    assert memory_faults(beyond, trials(beyond)) == []


def test_nothing_known_and_the_users_own_word() -> None:
    spec = spec_of({})
    assert memory_faults(spec, []) == []
    own = spec_of({}, resources={"per_device_train_batch_size": 1})
    assert memory_faults(own, trials(own)) == []


def test_in_a_mixed_pool_it_does_not_matter_who_reported_last() -> None:
    """What is too large for a device of 12 GB runs on one of 80."""
    spec = spec_of({})
    small, large = trials(spec, device="small"), trials(spec, device="large", memory=80)
    for rows in ([*small, *large], [*large, *small]):
        assert memory_faults(spec, rows) == []
        assert plan(spec, costs=rows).refused_count == 0


def on_cpu(spec: SweepSpec) -> Measurement:
    """A trial that ran before the pool had GPUs."""
    return Measurement(key=cost_key(spec.spec.workload, {}, "cpu"), tokens_per_second=3.0)


def test_a_trial_on_a_cpu_says_nothing_of_the_pool_s_gpus() -> None:
    spec = spec_of({})
    for rows in ([*trials(spec), on_cpu(spec)], [on_cpu(spec), *trials(spec)]):
        (fault,) = memory_faults(spec, rows)
        assert "the largest device seen has 12.00 GB" in fault.message
        assert "cpu" not in fault.message
    assert memory_faults(spec, [on_cpu(spec)]) == []
    roomy = trials(spec, device="large", memory=80)
    assert memory_faults(spec, [on_cpu(spec), *trials(spec), *roomy]) == []


def test_what_fits_no_kind_of_device_is_refused() -> None:
    spec = spec_of({})
    rows = [*trials(spec, device="a"), *trials(spec, device="b", memory=14)]
    (fault,) = memory_faults(spec, rows)
    assert "a: one sample" in fault.message
    assert "12.00 GB; b: one sample" in fault.message
    assert "14.00 GB" in fault.message


def test_a_kind_of_device_that_tried_nothing_like_it_may_have_room() -> None:
    spec = spec_of({"adapter": {"values": ["full", "lora"]}})
    other = trials(spec, {"adapter": "lora"}, device="other", memory=80)
    assert memory_faults(spec, [*trials(spec), *other]) == []


def test_the_row_that_is_printed_takes_the_cells_out() -> None:
    """Names with commas between: what the mend says reads back as the same values. What weighs
    nothing, as dropout and alpha, makes no row of its own."""
    heavy: Params = {"adapter": "lora", "lora_target_modules": "q_proj,v_proj"}
    axes = {
        "global_batch_size": {"value": 8},
        "learning_rate": {"values": [1e-3, 1e-4]},
        "adapter": {"value": "lora"},
        "lora_target_modules": {"values": ["q_proj,v_proj", "all-linear"]},
        "lora_dropout": {"values": [0.0, 1e-5]},
        "lora_alpha": {"values": [8.0, 16.0]},
    }
    spec = spec_of(axes)
    (fault,) = memory_faults(spec, trials(spec, heavy))
    told = fault.mend.partition("exclude: ")[2].partition(", or shorten")[0]
    rows = read_document(f"exclude: {told}")["exclude"]
    assert rows == [heavy]
    mended = spec_of({**axes, "exclude": rows})
    check(mended)
    assert memory_faults(mended, trials(spec, heavy)) == []


def test_a_share_with_an_exponent_reads_back_as_a_number() -> None:
    spec = spec_of({"trainable_fraction": {"values": [1e-5, 1.0]}})
    (fault,) = memory_faults(spec, trials(spec, {"trainable_fraction": 1e-5}))
    told = fault.mend.partition("exclude: ")[2].partition(", or shorten")[0]
    assert read_document(f"exclude: {told}")["exclude"] == [{"trainable_fraction": 1e-5}]
