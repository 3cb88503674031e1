from __future__ import annotations

from collections.abc import Iterator

import pytest
from e2e_support import write_data
from running import Running


@pytest.fixture(scope="session")
def up(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """One `sweepctl up` for the session, with a small instruction file under its data root."""
    folder = tmp_path_factory.mktemp("up")
    write_data(folder / "train.jsonl", 200, seed=1)
    write_data(folder / "eval.jsonl", 20, seed=2)
    running = Running(folder)
    yield running
    assert running.stop() in (0, 130)
