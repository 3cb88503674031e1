from __future__ import annotations

from pathlib import Path

import pytest
from e2e_support import sft_spec, write_data
from tests_support import toy_spec

from sweeps.errors import SpecError
from workers.preparing import prepare
from workers.settings import WorkerSettings


def test_epochs_become_samples(settings: WorkerSettings) -> None:
    prepared = prepare(toy_spec(horizon={"epochs": 1.5}), settings, "cpu")
    assert (prepared.horizon_samples, prepared.train_samples) == (960, 640)
    assert (prepared.device_kind, prepared.devices_per_trial) == ("cpu", 1)


def test_devices_of_a_trial_are_gpus_on_a_gpu_pool(settings: WorkerSettings) -> None:
    spec = toy_spec(resources={"gpus_per_trial": 0.5, "cpus_per_trial": 3})
    assert prepare(spec, settings, "cuda").devices_per_trial == 0.5
    assert prepare(spec, settings, "cpu").devices_per_trial == 3


def test_data_is_counted_and_digested(tmp_path: Path) -> None:
    write_data(tmp_path / "train.jsonl", 30, seed=1)
    write_data(tmp_path / "eval.jsonl", 4, seed=2)
    settings = WorkerSettings(storage=tmp_path, data_roots=str(tmp_path))
    prepared = prepare(sft_spec("count", tmp_path), settings, "cpu")
    assert (prepared.train_samples, prepared.eval_samples) == (30, 4)
    write_data(tmp_path / "train.jsonl", 30, seed=3)
    assert prepare(sft_spec("count", tmp_path), settings, "cpu").data_digest != prepared.data_digest


def test_data_outside_the_roots_is_refused(tmp_path: Path) -> None:
    write_data(tmp_path / "train.jsonl", 3, seed=1)
    settings = WorkerSettings(storage=tmp_path, data_roots=str(tmp_path / "elsewhere"))
    with pytest.raises(SpecError, match="/spec/workload/data/train"):
        prepare(sft_spec("outside", tmp_path), settings, "cpu")
