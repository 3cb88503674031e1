"""RAY_ADDRESS: the agent joins a Ray that is there, and leaves it as it was."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from running import ROOT, SUPPORT, Running
from tests_support import toy_spec

from workers.ray_head import RayHead

pytestmark = pytest.mark.slow


def test_an_agent_joins_a_running_ray(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(ROOT), str(SUPPORT)]))
    head = RayHead(cpus=4, gpus=0)
    head.start(tmp_path / "ray.log")
    try:
        up = Running(tmp_path / "up", **head.env)
        try:
            sweep = up.client.create_sweep(toy_spec())
            ended = up.ended(sweep.id)
            assert ended.state == "DONE", up.driver_log(sweep.id)
            assert not up.find("raylet"), "it started a Ray of its own"
        finally:
            assert up.stop() in (0, 130)
        assert head.alive()
    finally:
        head.stop()
