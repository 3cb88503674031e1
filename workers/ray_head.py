"""A Ray head of our own: loopback only, token, own port and temp dir, stopped by process id."""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import psutil

from workers.children import die_with_parent
from workers.ray_env import LOCAL, QUIET

START_SECONDS = 60
_STARTED = "Ray runtime started"
STOP_SECONDS = 10
PREFIX = "swpray-"


class RayHead:
    """Starts `ray start --head` and stops exactly the processes that came of it.

    `env` is what every process that talks to this Ray needs; it holds RAY_ADDRESS.
    """

    def __init__(self, cpus: int, gpus: int | None = None) -> None:
        self._cpus, self._gpus = cpus, gpus
        # Short: Ray puts unix sockets in it, and their paths may have 107 characters.
        remove_orphans()
        self._folder = Path(tempfile.mkdtemp(prefix=PREFIX))
        (self._folder / "owner").write_text(str(os.getpid()))
        token = self._folder / "token"
        token.touch(mode=0o600)
        token.write_text(secrets.token_hex(32))
        self._port = free_port()
        self.env = {
            **LOCAL,
            **QUIET,
            "RAY_AUTH_TOKEN_PATH": str(token),
            "RAY_ADDRESS": f"127.0.0.1:{self._port}",
        }
        self._process: subprocess.Popen[bytes] | None = None

    def start(self, log: Path) -> None:
        """Start and wait until it answers. Raises RuntimeError with the log's end when it fails."""
        # Trials get the raylet's environment: neither the agent's token nor another Ray's settings.
        kept = {k: v for k, v in os.environ.items() if not k.startswith(("RAY_", "SWEEP_AGENT"))}
        environment = kept | self.env
        del environment["RAY_ADDRESS"]
        with log.open("wb") as out:
            self._process = subprocess.Popen(
                self._command(),
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                preexec_fn=die_with_parent(),
            )
        deadline = time.monotonic() + START_SECONDS
        while _STARTED not in log.read_text(errors="replace"):
            if self._process.poll() is not None or time.monotonic() > deadline:
                self.stop()
                tail = log.read_text(errors="replace")[-2000:]
                raise RuntimeError(f"the local Ray did not start; the end of {log}:\n{tail}")
            time.sleep(0.1)

    def alive(self) -> bool:
        """False once the head has ended, by itself or by somebody's hand."""
        return self._process is not None and self._process.poll() is None

    def stop(self) -> None:
        """End every process of this head and delete its temp dir.

        `ray start --block` drains its node and ends its children when it is told to. What is left
        after that is killed: it is found by the temp dir, so it is ours.
        """
        mine = self._processes()
        if self._process is not None:
            self._process.terminate()
            try:
                self._process.wait(timeout=STOP_SECONDS)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
        for process in {*mine, *self._processes()}:
            _kill(process)
        psutil.wait_procs(mine, timeout=STOP_SECONDS)
        shutil.rmtree(self._folder, ignore_errors=True)

    def _processes(self) -> list[psutil.Process]:
        """Every process that carries our temp dir in its command line, and its descendants.

        Some of Ray's processes rename themselves and lose their command line by that; they are
        found as children.
        """
        found: set[psutil.Process] = set()
        for process in psutil.process_iter():
            try:
                if any(str(self._folder) in word for word in process.cmdline()):
                    found |= {process, *process.children(recursive=True)}
            except (psutil.NoSuchProcess, psutil.AccessDenied):
                continue  # gone, or another user's
        return [process for process in found if process.pid != os.getpid()]

    def _command(self) -> list[str]:
        ray = str(Path(sys.executable).parent / "ray")
        gpus = [] if self._gpus is None else [f"--num-gpus={self._gpus}"]
        return [
            ray,
            "start",
            "--head",
            # Stays in the foreground as the parent of its daemons: one process to end them all.
            "--block",
            "--node-ip-address=127.0.0.1",
            f"--port={self._port}",
            f"--temp-dir={self._folder}",
            "--include-dashboard=false",
            "--include-log-monitor=false",
            "--no-monitor",
            "--disable-usage-stats",
            # Nothing of ours travels through the object store.
            "--object-store-memory=134217728",
            f"--num-cpus={self._cpus}",
            *gpus,
        ]


def remove_orphans() -> None:
    """Delete the temp dirs of heads whose agent was killed before it could."""
    for owner in Path(tempfile.gettempdir()).glob(f"{PREFIX}*/owner"):
        with contextlib.suppress(OSError, ValueError):  # another agent may be at it too
            if not psutil.pid_exists(int(owner.read_text())):
                shutil.rmtree(owner.parent, ignore_errors=True)


def free_port() -> int:
    """A loopback port that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _kill(process: psutil.Process) -> None:
    with contextlib.suppress(psutil.NoSuchProcess):  # it may have ended by itself in between
        process.kill()


def visible_gpus() -> int:
    """How many CUDA devices Ray's own detection sees, without importing torch."""
    from ray._private.accelerators import NvidiaGPUAcceleratorManager  # heavy, only used here

    return int(NvidiaGPUAcceleratorManager.get_current_node_num_accelerators())
