"""Named services, kept in XDG_CONFIG_HOME/sweepctl/config.yaml with mode 0600."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel, ConfigDict, ValidationError

from sweepctl.exits import CliError, ExitCode
from sweeps.documents import read_document
from sweeps.errors import SpecError
from sweeps.faults import nearest

# The context that is never written: the `sweepctl up` that runs.
RUNNING = "up"


class Saved(BaseModel):
    """One named service. Its token stands here, or in `token_file`, or is not known."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    server: str
    token: str | None = None
    token_file: str | None = None

    def secret(self) -> str | None:
        """The token. Raises CliError when its file cannot be read."""
        if self.token_file is None:
            return self.token
        try:
            return Path(self.token_file).read_text().strip() or None
        except (OSError, UnicodeDecodeError) as error:
            raise CliError(
                f"the token file {self.token_file} cannot be read: {error}",
                ExitCode.AUTH,
                f"sweepctl context add NAME --server {self.server} --token-file FILE",
            ) from None


class _File(BaseModel):
    model_config = ConfigDict(extra="forbid")

    current: str | None = None
    contexts: dict[str, Saved] = {}


@dataclass(frozen=True)
class Contexts:
    """All named services, and which of them is the current one."""

    current: str | None = None
    named: Mapping[str, Saved] = field(default_factory=dict)

    def get(self, name: str) -> Saved:
        """Raises CliError with the nearest name for one that is not there."""
        if name in self.named:
            return self.named[name]
        known = sorted(self.named)
        close = nearest(name, [*known, RUNNING])
        there = f"; there are {', '.join(known)}" if known else ""
        raise CliError(
            f"there is no context '{name}'{there}",
            ExitCode.NOT_FOUND,
            f"did you mean '{close}'? sweepctl context list" if close else "sweepctl context list",
        )

    def add(self, name: str, saved: Saved) -> Contexts:
        """With `name` in it; the first one becomes the current one."""
        return Contexts(self.current or name, {**self.named, name: saved})

    def use(self, name: str | None) -> Contexts:
        """With `name` as the current one, None for none."""
        return Contexts(name, self.named)

    def remove(self, name: str) -> Contexts:
        """Without `name`. Raises CliError when it is not there."""
        self.get(name)
        left = {other: saved for other, saved in self.named.items() if other != name}
        return Contexts(None if self.current == name else self.current, left)


def folder() -> Path:
    """XDG_CONFIG_HOME/sweepctl, which need not be there."""
    home = os.environ.get("XDG_CONFIG_HOME") or str(Path.home() / ".config")
    return Path(home) / "sweepctl"


def file() -> Path:
    """Where contexts are kept."""
    return folder() / "config.yaml"


def load() -> Contexts:
    """What is kept there; nothing when there is no such file. Raises CliError for a broken one."""
    try:
        text = file().read_text(encoding="utf-8")
    except FileNotFoundError:
        return Contexts()
    except (OSError, UnicodeDecodeError) as error:
        raise _broken(str(error)) from None
    try:
        data = read_document(text)
        found = _File.model_validate(data if data is not None else {})
    except SpecError as error:
        raise _broken("; ".join(fault.message for fault in error.faults)) from None
    except ValidationError as error:
        # Pydantic's own text would show the input, and that may be a token.
        places = [".".join(map(str, one["loc"])) + ": " + one["msg"] for one in error.errors()]
        raise _broken("; ".join(places)) from None
    return Contexts(found.current, found.contexts)


def save(contexts: Contexts) -> None:
    """Write all of them, whole or not at all, readable by their owner alone."""
    data: dict[str, Any] = {
        "current": contexts.current,
        "contexts": {
            name: saved.model_dump(exclude_none=True) for name, saved in contexts.named.items()
        },
    }
    target = file()
    target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    # mkstemp gives mode 0600.
    handle, fresh = tempfile.mkstemp(prefix=".config-", suffix=".yaml", dir=target.parent)
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as stream:
            yaml.safe_dump(data, stream, sort_keys=False, allow_unicode=True)
            stream.flush()
            os.fsync(stream.fileno())
        os.replace(fresh, target)
    except BaseException:  # the half-written file must not stay, whatever happened
        Path(fresh).unlink(missing_ok=True)
        raise


def loose() -> bool:
    """True when others than its owner may read the file."""
    try:
        return bool(file().stat().st_mode & 0o077)
    except OSError:
        return False


def _broken(why: str) -> CliError:
    return CliError(f"{file()}: {why}", ExitCode.USAGE, f"mend {file()}, or remove it")
