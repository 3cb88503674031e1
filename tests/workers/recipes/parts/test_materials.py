from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
from recipe_support import held_out, make_run, tiny_workload, write_rows

from sweeps.trial import BatchCut
from workers.recipes.parts.materials import materials
from workers.recipes.parts.rows import Source
from workers.recipes.sft import run


def test_an_evaluation_takes_what_training_came_to(folder: Path) -> None:
    attempt = make_run(folder, horizon=4, points=1, micro_batch_size=8)
    _, _, evaluator = materials(attempt.context)
    assert evaluator.training() is None
    attempt.context.cut = BatchCut(
        effective_batch_size=4,
        devices=1,
        per_device_train_batch_size=3,
        gradient_accumulation_steps=2,
    )
    assert evaluator.training() == 3


def test_a_warm_worker_reads_no_data_again(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for path in folder.glob("*.jsonl"):
        os.utime(path, (1e9, 1e9))
    cache: dict[str, Any] = {}
    _, train, _ = materials(make_run(folder, cache=cache).context)
    hashed: list[str] = []
    quiet = Source.digest

    def digest(source: Source) -> str:
        hashed.append(source.name)
        return quiet(source)

    monkeypatch.setattr(Source, "digest", digest)
    _, again, _ = materials(make_run(folder, cache=cache).context)
    assert (again.digest, hashed) == (train.digest, [])


def test_sets_are_tokenised_once_a_worker(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cache: dict[str, Any] = {}
    workload = tiny_workload(data=held_out(folder))
    run(make_run(folder, workload, horizon=4, points=1, cache=cache).context)

    def never(*_: object) -> None:
        raise AssertionError("tokenised again")

    monkeypatch.setattr("workers.recipes.parts.materials.tokenise", never)
    monkeypatch.setattr("workers.recipes.parts.materials.tokenise_held_out", never)
    run(make_run(folder, workload, horizon=4, points=1, cache=cache, trial="again").context)
    write_rows(folder / "eval.jsonl", [{"prompt": "other", "completion": "rows"}])
    with pytest.raises(AssertionError, match="tokenised again"):
        run(make_run(folder, workload, horizon=4, points=1, cache=cache, trial="new").context)
