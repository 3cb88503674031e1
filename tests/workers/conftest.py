from __future__ import annotations

from pathlib import Path

import pytest
from tests_support import TOY, make_order, toy_spec

from workers.order import AttemptOrder
from workers.settings import WorkerSettings


@pytest.fixture
def settings(tmp_path: Path) -> WorkerSettings:
    return WorkerSettings(storage=tmp_path, recipes=TOY, data_roots="", beat_seconds=0.05)


@pytest.fixture
def order(settings: WorkerSettings) -> AttemptOrder:
    return make_order(settings, toy_spec())
