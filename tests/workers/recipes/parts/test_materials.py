from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from recipe_support import held_out, make_run, tiny_workload, write_rows

from workers.recipes.sft import run


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
