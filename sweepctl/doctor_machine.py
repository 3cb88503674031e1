"""What `doctor` finds on this machine: packages, disks, and who may read the tokens."""

from __future__ import annotations

import importlib.util
import os
import shutil
import stat
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from sweepctl import contexts
from sweepctl.checkup import Check
from sweepctl.exits import CliError
from sweepctl.settings import current
from sweepctl.state import StateFolder

_PACKAGES = ("ray", "torch", "transformers", "mlflow", "datasets")
_GIGABYTE = 2**30
# A checkpoint is written beside the one that it replaces.
NEARLY_FULL_GB, FULL_GB = 5.0, 0.5
_TOKEN_FILES = ("SWEEP_USER_TOKEN_FILE", "SWEEP_AGENT_TOKEN_FILE")


def machine() -> Iterator[Check]:
    """Python, packages, disks, tokens."""
    found = ".".join(map(str, sys.version_info[:3]))
    yield Check("python", found, "" if sys.version_info >= (3, 11) else "install Python 3.11")
    missing = [name for name in _PACKAGES if importlib.util.find_spec(name) is None]
    yield Check(
        "packages",
        f"missing: {', '.join(missing)}" if missing else ", ".join(_PACKAGES),
        "pip install sweepctl (an agent needs them, this command does not)" if missing else "",
    )
    yield from _disks()
    yield from _contexts()
    yield from _tokens()


def storage() -> Path | None:
    """Where an agent of this machine keeps checkpoints and spools, None when none is known."""
    if given := os.environ.get("SWEEP_STORAGE"):
        return Path(given)
    state = _state()
    return state.storage if state is not None else None


def _state() -> StateFolder | None:
    """That of the `sweepctl up` that runs."""
    found = current().get("state")
    return StateFolder(Path(str(found))) if found else None


def _disks() -> Iterator[Check]:
    """One line for each file system that something of ours is on."""
    state, kept = _state(), storage()
    places = {"disk": state.root if state else Path.cwd()}
    if kept is not None:
        places["disk of SWEEP_STORAGE"] = kept
    # Ray's sockets, logs and spilled objects.
    places["disk of temporary files"] = Path(tempfile.gettempdir())
    seen: set[int] = set()
    for name, folder in places.items():
        try:
            device = folder.stat().st_dev
        except OSError as error:
            yield Check(name, f"{folder}: {error.strerror}", f"make the folder {folder}")
            continue
        if device not in seen:
            seen.add(device)
            yield _disk(name, folder)


def _disk(name: str, folder: Path) -> Check:
    free = shutil.disk_usage(folder).free / _GIGABYTE
    found = f"{free:.1f} GB free in {folder}"
    if free < FULL_GB:
        return Check(name, f"full: {found}", f"make room: {NEARLY_FULL_GB:g} GB; {_OLD}")
    if free < NEARLY_FULL_GB:
        return Check(name, f"nearly full: {found}", f"make room: {NEARLY_FULL_GB:g} GB; {_OLD}")
    try:
        _write(folder)
    except OSError as error:
        # A quota, a limit of this process, a file system that went read-only.
        mend = f"let this user write there, and look at its quota; {_OLD}"
        return Check(name, f"{found}, and nothing can be written: {error.strerror}", mend)
    return Check(name, found)


_OLD = "folders of ended sweeps lie in SWEEP_STORAGE/sweeps"


def _write(folder: Path) -> None:
    with tempfile.TemporaryFile(dir=folder) as file:
        file.write(bytes(2**16))
        file.flush()
        os.fsync(file.fileno())


def _contexts() -> Iterator[Check]:
    try:
        known = contexts.load()
    except CliError as error:
        yield Check("contexts", error.message, error.hint or f"mend {contexts.file()}")
        return
    if not known.named:
        return
    names = ", ".join(f"{name}*" if name == known.current else name for name in known.named)
    mend = f"chmod 600 {contexts.file()}: others can read its tokens" if contexts.loose() else ""
    yield Check("contexts", f"{names} (* is current)", mend)


def _tokens() -> Iterator[Check]:
    """The files that hold tokens, one line for each that others may read."""
    files = [Path(os.environ[name]) for name in _TOKEN_FILES if os.environ.get(name)]
    state = _state()
    if state is not None:
        files += [state.user_token, state.agent_token]
    for saved in _saved():
        files += [Path(saved)]
    there = sorted({file for file in files if file.exists()})
    loose = [file for file in there if _readable(file)]
    for file in loose:
        yield Check("token file", f"{file} can be read by others", f"chmod 600 {file}")
    if there and not loose:
        yield Check("token files", f"{len(there)}, readable by their owner alone")


def _saved() -> list[str]:
    try:
        return [one.token_file for one in contexts.load().named.values() if one.token_file]
    except CliError:
        # Told by its own line.
        return []


def _readable(file: Path) -> bool:
    """True when it is this user's and its mode lets others read it. What is another's, such as a
    secret in a container, was made so that this user can."""
    found = file.stat()
    return found.st_uid == os.geteuid() and bool(found.st_mode & (stat.S_IRGRP | stat.S_IROTH))
