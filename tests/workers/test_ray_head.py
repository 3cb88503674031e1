from __future__ import annotations

import os
import socket
import subprocess
from pathlib import Path

import psutil
import pytest

from workers.ray_head import RayHead, free_port, remove_orphans, visible_gpus


@pytest.mark.xdist_group("ray")
def test_a_head_listens_on_loopback_alone_and_leaves_nothing(tmp_path: Path) -> None:
    head = RayHead(cpus=1, gpus=0)
    head.start(tmp_path / "ray.log")
    try:
        mine = head._processes()
        listening = [
            connection.laddr.ip
            for process in mine
            for connection in process.net_connections(kind="inet")
            if connection.status == psutil.CONN_LISTEN
        ]
        assert listening
        assert all(ip in ("127.0.0.1", "::ffff:127.0.0.1", "::1") for ip in listening)
        host, port = head.env["RAY_ADDRESS"].split(":")
        with socket.create_connection((host, int(port)), timeout=5):
            pass
        token = Path(head.env["RAY_AUTH_TOKEN_PATH"])
        assert token.stat().st_mode & 0o077 == 0
    finally:
        head.stop()
    assert not any(process.is_running() for process in mine)
    assert not token.parent.exists()


def test_a_head_that_cannot_start_says_why(tmp_path: Path) -> None:
    head = RayHead(cpus=-1, gpus=0)
    with pytest.raises(RuntimeError, match="did not start"):
        head.start(tmp_path / "ray.log")
    assert not head._processes()


def test_free_port_is_free() -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", free_port()))


def test_what_a_killed_agent_left_is_deleted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    with subprocess.Popen(["true"]) as gone:
        gone.wait()
    for name, pid in (("swpray-dead", gone.pid), ("swpray-alive", os.getpid())):
        (tmp_path / name).mkdir()
        (tmp_path / name / "owner").write_text(str(pid))
    remove_orphans()
    assert [folder.name for folder in tmp_path.iterdir()] == ["swpray-alive"]


def test_no_gpu_here_or_some() -> None:
    assert visible_gpus() >= 0
