from __future__ import annotations

import socket
from pathlib import Path

import psutil
import pytest

from workers.ray_head import RayHead, free_port


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
    head = RayHead(cpus=1, gpus=0)
    blocker = socket.socket()
    blocker.bind(("127.0.0.1", int(head.env["RAY_ADDRESS"].split(":")[1])))
    blocker.listen()
    try:
        with pytest.raises(RuntimeError, match="did not start"):
            head.start(tmp_path / "ray.log")
    finally:
        blocker.close()
    assert not head._processes()


def test_free_port_is_free() -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", free_port()))
