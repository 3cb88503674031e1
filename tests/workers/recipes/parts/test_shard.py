"""The same trials on one device and on two: gloo between two processes, no Ray."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from ranked import on_ranks, shapes, trial, trials
from recipe_support import tiny_workload, write_words
from safetensors.torch import load_file
from trained import same
from transformers import AutoModelForCausalLM

from sweeps.spec import Evaluation
from workers.recipes.context import Order
from workers.recipes.world import ALONE

Said = dict[str, Any]
PAUSE = (Order.PAUSE, 12)
ODD = {"params": {"global_batch_size": 7}, "horizon": 21}
ONE_EACH = {"params": {"global_batch_size": 1}, "horizon": 3}
WORDS = {"data": {"train": "train.jsonl", "eval": "train.jsonl"}}
REPLIES = {
    "workload": tiny_workload(options={"packing": False, "gradient_checkpointing": True}, **WORDS),
    "evaluation": Evaluation(every_points=1, exact_match=True, max_new_tokens=4),
}
SOME = {"params": {"trainable_fraction": 0.5, "weight_decay": 0.1}}


def adapter(kind: str) -> dict[str, Any]:
    return {"workload": tiny_workload(adapter={"type": kind, "r": 2})}


# What two warm ranks do one after the other: a label, the trial's folder, and what is asked.
ASKED: list[tuple[str, str, dict[str, Any]]] = [
    ("plain", "plain", {"micro_batch_size": 8}),
    ("small", "small", {"micro_batch_size": 1}),
    ("odd", "odd", ODD),
    ("one each", "one-each", ONE_EACH),
    ("some", "some", SOME),
    ("replies", "replies", REPLIES),
    ("lora", "lora", adapter("lora")),
    ("dora", "dora", adapter("dora")),
    ("rslora", "rslora", adapter("rslora")),
    ("stopped", "stopped", {"stop": (Order.STOP, 12)}),
    ("paused", "paused", {"stop": PAUSE}),
    ("resumed", "paused", {}),
    ("handed over", "handed", {"stop": PAUSE}),
    ("taken over", "taken", {}),
    ("lora taken over", "lora-taken", adapter("lora")),
    ("untrained", "untrained", {"untrained": True}),
    ("again", "again", {"micro_batch_size": 8}),
]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("ranks")
    write_words(made)
    return made


@pytest.fixture(scope="module")
def both(folder: Path) -> dict[str, list[Said]]:
    """By label what the two ranks said."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    trial(ALONE, folder, "taken", stop=PAUSE)
    trial(ALONE, folder, "lora-taken", stop=PAUSE, **adapter("lora"))
    torch.set_num_threads(threads)
    asked = [{"name": name, **more} for _, name, more in ASKED]
    first, second = on_ranks(2, folder / "two", trials, folder, asked)
    labels = [label for label, _, _ in ASKED]
    return {label: [x, y] for label, x, y in zip(labels, first, second, strict=True)}


def on_one(folder: Path, label: str) -> Said:
    asked = next(more for found, _, more in ASKED if found == label)
    return trial(ALONE, folder, f"one-{label}", **asked)


def curve(*said: Said) -> list[float]:
    names = ("loss", "grad_norm", "learning_rate", "num_tokens")
    return [entry[name] for each in said for _, entry in each["entries"] for name in names]


def weights(folder: Path, name: str, file: str = "model") -> dict[str, torch.Tensor]:
    newest = max((folder / name).glob("step-*"))
    return load_file(newest / f"{file}.safetensors")


def near(left: dict[str, torch.Tensor], right: dict[str, torch.Tensor]) -> bool:
    return left.keys() == right.keys() and all(
        torch.allclose(left[name], right[name], rtol=1e-3, atol=1e-4) for name in left
    )


@pytest.mark.parametrize("label", ["plain", "small", "odd", "one each", "some", "replies"])
def test_two_devices_train_as_one_does(
    folder: Path, both: dict[str, list[Said]], label: str
) -> None:
    one, (first, second) = on_one(folder, label), both[label]
    assert curve(first) == pytest.approx(curve(one), rel=1e-4)
    assert curve(first) == curve(second)
    sizes = [said["entries"][0][1]["batch/effective_batch_size"] for said in (one, first)]
    assert sizes[0] == sizes[1]
    assert [said["entries"][0][1]["batch/devices"] for said in (one, first)] == [1, 2]
    for (_, mine), (_, wanted) in zip(first["evals"], one["evals"], strict=True):
        assert mine == pytest.approx(wanted, rel=1e-3)
    assert near(weights(folder, label.replace(" ", "-")), weights(folder, f"one-{label}"))


def test_micro_batches_of_one_and_of_all_are_the_same_run(both: dict[str, list[Said]]) -> None:
    assert curve(both["small"][0]) == pytest.approx(curve(both["plain"][0]), rel=1e-4)


def test_the_noise_is_measured_over_all_ranks(folder: Path, both: dict[str, list[Said]]) -> None:
    report = both["small"][0]["reports"][-1]
    assert report.window.noise_scale is not None or report.window.true_grad_norm is not None


@pytest.mark.parametrize("kind", ["lora", "dora", "rslora"])
def test_adapters_are_divided_too(folder: Path, both: dict[str, list[Said]], kind: str) -> None:
    one, two = on_one(folder, kind), both[kind][0]
    assert curve(two) == pytest.approx(curve(one), rel=1e-4)
    found = weights(folder, kind, "adapter_model")
    assert near(found, weights(folder, f"one-{kind}", "adapter_model"))


def test_only_rank_0_speaks(both: dict[str, list[Said]]) -> None:
    first, second = both["plain"]
    assert [report.point for report in first["reports"]] == [1, 2, 3]
    assert second["reports"] == []


def test_all_ranks_end_where_rank_0_is_told_to(both: dict[str, list[Said]]) -> None:
    assert [(said["ended"], said["steps"]) for said in both["stopped"]] == [("stopped", 3)] * 2
    assert [(said["ended"], said["steps"]) for said in both["paused"]] == [("paused", 3)] * 2


def test_a_resumed_run_is_bit_identical(folder: Path, both: dict[str, list[Said]]) -> None:
    assert curve(both["paused"][0], both["resumed"][0]) == curve(both["plain"][0])
    assert same(weights(folder, "paused"), weights(folder, "plain"))


def test_a_checkpoint_goes_on_on_another_number_of_devices(
    folder: Path, both: dict[str, list[Said]]
) -> None:
    rest = trial(ALONE, folder, "handed")
    whole = curve(both["plain"][0])
    assert curve(both["handed over"][0], rest) == pytest.approx(whole, rel=1e-4)
    assert rest["steps"] == 6
    half = len(whole) // 2
    assert curve(both["taken over"][0]) == pytest.approx(whole[half:], rel=1e-4)
    lora = curve(both["lora"][0])
    assert curve(both["lora taken over"][0]) == pytest.approx(lora[half:], rel=1e-4)


def test_other_programs_read_the_weights_of_several_ranks(
    folder: Path, both: dict[str, list[Said]]
) -> None:
    assert both["plain"][0]["ended"] == "finished"
    found = AutoModelForCausalLM.from_pretrained(max((folder / "plain").glob("step-*")))
    wanted = weights(folder, "plain")
    assert all(torch.equal(found.state_dict()[name], wanted[name]) for name in wanted)


def test_the_base_model_is_evaluated_as_on_one_device(
    folder: Path, both: dict[str, list[Said]]
) -> None:
    one, (first, second) = on_one(folder, "untrained"), both["untrained"]
    assert first["reports"][0].metrics == pytest.approx(one["reports"][0].metrics)
    assert second["reports"] == []


def test_a_divided_model_of_another_shape_is_gone_for_good(folder: Path) -> None:
    """How many divided models live after each of three trials of different rank, where each but
    the last was frozen between trials."""
    workloads = [tiny_workload(adapter={"type": "lora", "r": r}) for r in (2, 4, 8)]
    assert on_ranks(2, folder / "shapes", shapes, folder, workloads) == [[1, 1, 1]] * 2


def test_warm_ranks_train_the_last_trial_as_the_first(
    folder: Path, both: dict[str, list[Said]]
) -> None:
    assert curve(both["again"][0]) == curve(both["plain"][0])
    assert same(weights(folder, "again"), weights(folder, "plain"))
