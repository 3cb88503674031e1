"""A real service on a free port, and the command line against it."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from asking import SPEC, Cli, Service, populate, wait_ready
from typer.testing import CliRunner, Result

from sweepctl.main import app
from sweepctl.state import free_port


@pytest.fixture(scope="session")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    folder = tmp_path_factory.mktemp("service")
    port = free_port()
    made = Service(f"http://127.0.0.1:{port}", folder)
    env = {name: value for name, value in os.environ.items() if not name.startswith("SWEEP")} | {
        "SWEEP_DATABASE_URL": f"sqlite:///{folder / 'service.db'}",
        "SWEEP_PORT": str(port),
        "SWEEP_USER_TOKEN": made.user,
        "SWEEP_AGENT_TOKEN": made.agent,
        # The tests play the driver and renew nothing.
        "SWEEP_LEASE_SECONDS": "7200",
    }
    subprocess.run([sys.executable, "-m", "service.migrate"], env=env, check=True)
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "service"], env=env, stdout=log, stderr=log
        )
    try:
        wait_ready(made, process, folder / "log")
        populate(made)
        yield made
    finally:
        process.terminate()
        process.wait(20)


@pytest.fixture(autouse=True)
def _apart(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No setting of the machine's user gets in."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "xdg"))
    settings = ("SWEEPCTL_SERVER", "SWEEPCTL_TOKEN", "SWEEPCTL_CONTEXT")
    for name in (*settings, "NO_COLOR", "FORCE_COLOR"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def bare() -> Cli:
    """The command line without a service."""

    def run(*args: str, **more: Any) -> Result:
        return CliRunner().invoke(app, list(args), catch_exceptions=False, **more)

    return run


@pytest.fixture
def cli(service: Service, bare: Cli, monkeypatch: pytest.MonkeyPatch) -> Cli:
    """The command line against the service, with the user's token."""
    monkeypatch.setenv("SWEEPCTL_SERVER", service.url)
    monkeypatch.setenv("SWEEPCTL_TOKEN", service.user)
    return bare


@pytest.fixture
def spec_file(tmp_path: Path) -> Path:
    """A good spec with its data beside it."""
    for name in ("a.jsonl", "b.jsonl"):
        (tmp_path / name).write_text("{}\n")
    file = tmp_path / "sweep.yaml"
    file.write_text(SPEC)
    return file
