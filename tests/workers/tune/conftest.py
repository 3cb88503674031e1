from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests_support import SUPPORT

from workers.ray_env import QUIET
from workers.ray_head import RayHead


@pytest.fixture(scope="session")
def ray_head(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RayHead]:
    """One local Ray for the session, whose workers can import the toy recipe."""
    patch = pytest.MonkeyPatch()
    root = Path(__file__).parents[3]
    patch.setenv("PYTHONPATH", os.pathsep.join([str(root), str(SUPPORT)]))
    head = RayHead(cpus=4, gpus=0)
    head.start(tmp_path_factory.mktemp("ray") / "ray.log")
    for name, value in {**QUIET, **head.env}.items():
        patch.setenv(name, value)
    yield head
    head.stop()
    patch.undo()
