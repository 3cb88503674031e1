"""What is wrong with this machine is made wrong for real."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from sweepctl import contexts, doctor_machine
from sweepctl.checkup import Check
from sweepctl.contexts import Contexts, Saved
from sweepctl.settings import Current
from sweepctl.state import StateFolder


def checks() -> dict[str, Check]:
    return {one.name: one for one in doctor_machine.machine()}


@pytest.fixture
def state(tmp_path: Path) -> StateFolder:
    """That of a running `sweepctl up`."""
    folder = StateFolder(tmp_path / "state")
    folder.open()
    Current("http://127.0.0.1:1", "http://127.0.0.1:2", folder).write()
    folder.close()
    return folder


def test_a_machine_that_is_well(state: StateFolder) -> None:
    found = checks()
    assert not any(one.mend for one in found.values()), found
    assert str(state.root) in found["disk"].found
    assert found["token files"].found == "2, readable by their owner alone"
    assert doctor_machine.storage() == state.storage


def test_missing_packages(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor_machine, "_PACKAGES", ("json", "no_such_package"))
    assert checks()["packages"].found == "missing: no_such_package"


@pytest.mark.skipif(sys.platform != "linux", reason="/proc is a file system without any room")
def test_a_full_disk(state: StateFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SWEEP_STORAGE", "/proc/self")
    row = checks()["disk of SWEEP_STORAGE"]
    assert row.found == "full: 0.0 GB free in /proc/self"
    assert row.mend.startswith("make room: 5 GB")
    monkeypatch.setattr(doctor_machine, "NEARLY_FULL_GB", 1e9)
    assert checks()["disk"].found.startswith("nearly full: ")
    assert checks()["disk"].mend


def test_a_disk_that_takes_nothing(state: StateFolder) -> None:
    """There is room, but this process may not write a file: as under a quota."""
    code = (
        "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (1024, 1024));"
        "from sweepctl.main import app; app(['doctor', '-o', 'json'])"
    )
    done = subprocess.run(
        [sys.executable, "-B", "-c", code], capture_output=True, text=True, timeout=60
    )
    rows: dict[str, Any] = {row["name"]: row for row in json.loads(done.stdout)}
    assert "nothing can be written: File too large" in rows["disk"]["found"]
    assert "quota" in rows["disk"]["mend"]
    assert done.returncode == 1


def test_a_storage_that_is_not_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    gone = tmp_path / "gone"
    monkeypatch.setenv("SWEEP_STORAGE", str(gone))
    row = checks()["disk of SWEEP_STORAGE"]
    assert (row.found, row.mend) == (
        f"{gone}: No such file or directory",
        f"make the folder {gone}",
    )


def test_tokens_that_others_can_read(
    state: StateFolder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mine, saved = tmp_path / "agent", tmp_path / "saved"
    for file in (mine, saved):
        file.write_text("secret")
    mine.chmod(0o640)
    saved.chmod(0o600)
    monkeypatch.setenv("SWEEP_AGENT_TOKEN_FILE", str(mine))
    contexts.save(Contexts().add("far", Saved(server="http://far", token_file=str(saved))))
    rows = [one for one in doctor_machine.machine() if one.name == "token file"]
    assert [(row.found, row.mend) for row in rows] == [
        (f"{mine} can be read by others", f"chmod 600 {mine}")
    ]
    os.chmod(saved, 0o604)
    assert sum(one.name == "token file" for one in doctor_machine.machine()) == 2


def test_contexts_that_others_can_read_or_nobody(state: StateFolder) -> None:
    contexts.save(Contexts().add("far", Saved(server="http://far", token="t")))
    assert checks()["contexts"] == Check("contexts", "far* (* is current)")
    contexts.file().chmod(0o644)
    assert checks()["contexts"].mend.startswith(f"chmod 600 {contexts.file()}")
    contexts.file().write_text("nonsense: [")
    assert checks()["contexts"].mend
