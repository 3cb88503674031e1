"""The public names: there, typed, shipped with their types, and cheap until asked for."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from setuptools import Distribution

import service.errors
import sweepctl

ROOT = Path(__file__).resolve().parents[2]
SCRIPT = """
import asyncio
from pathlib import Path

from sweepctl import KEEP, AsyncClient, Client, ServiceError


def best(name: str) -> float | None:
    with Client(context=name) as client:
        made = client.create(Path("sweep.yaml"))
        client.patch_sweep(made.id, made.revision, max_parallel=KEEP)
        client.wait(made, timeout=60)
        found = client.result(made.id).best
        return None if found is None else found.final


async def states() -> list[str]:
    async with AsyncClient("http://127.0.0.1:1", token="t") as client:
        try:
            return [sweep.state async for sweep in client.every_sweep(labels={"team": "nlp"})]
        except ServiceError as error:
            return [error.detail]


asyncio.run(states())
"""
WRONG = """
from sweepctl import Client

Client().get_sweep(1)
Client().no_such_route()
"""


def test_the_public_names_are_there() -> None:
    for name in sweepctl.__all__:
        assert getattr(sweepctl, name).__name__ == name if name != "KEEP" else sweepctl.KEEP
    assert sweepctl.NotFound is service.errors.NotFound
    with pytest.raises(AttributeError, match="no_such"):
        sweepctl.no_such  # noqa: B018


def test_the_package_alone_loads_nothing() -> None:
    code = "import sys, sweepctl; print(*[m for m in sys.modules if m in ('httpx', 'pydantic')])"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == ""


def test_the_types_are_shipped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    found = Distribution()
    found.parse_config_files()
    for package in ("sweepctl", "service", "sweeps"):
        assert "py.typed" in found.package_data[package]
        assert (ROOT / package / "py.typed").exists()


@pytest.mark.parametrize(("text", "errors"), [(SCRIPT, []), (WRONG, ["arg-type", "attr-defined"])])
def test_a_strict_script_is_checked(tmp_path: Path, text: str, errors: list[str]) -> None:
    script = tmp_path / "script.py"
    script.write_text(text)
    checker = [
        *("-m", "mypy", "--strict", "--follow-imports=silent", "--config-file="),
        str(script),
    ]
    cache = f"--cache-dir={ROOT / '.mypy_cache' / 'scripts'}"
    done = subprocess.run(
        [sys.executable, *checker, cache],
        cwd=tmp_path,
        env={"MYPYPATH": str(ROOT), "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
    )
    found = [line.rpartition("[")[2].rstrip("]") for line in done.stdout.splitlines()[:-1]]
    assert found == errors, done.stdout + done.stderr
