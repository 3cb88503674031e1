"""What a script hands to the public clients, made into what the service takes.

Shared by `sweepctl.client` and `sweepctl.aio`: nothing here talks to the service.
"""

from __future__ import annotations

import time
import warnings
from collections.abc import Mapping
from copy import deepcopy
from pathlib import Path
from typing import Any

from service.errors import Invalid, Unreachable
from service.exchange import pause
from service.schemas import Sweep, SweepDetail
from sweepctl import settings
from sweepctl.exits import CliError, FileError
from sweepctl.localpaths import localize
from sweepctl.settings import Given, Target
from sweepctl.specfile import SpecFile
from sweeps.documents import read_document
from sweeps.errors import SpecError
from sweeps.lifecycle import SWEEP_ENDS
from sweeps.spec import SweepSpec

SpecSource = SweepSpec | Mapping[str, Any] | str | Path
SweepRef = Sweep | str


def locate(server: str | None, token: str | None, context: str | None) -> Target:
    """The service that a command without these options would talk to, or the one they name.

    Raises ValueError for both a server and a context, Unreachable when no service is known.
    """
    if server and context:
        raise ValueError("server and context name two services: give one of them")
    try:
        return settings.target(Given(server, token, context))
    except CliError as error:
        raise Unreachable(
            f"{error.message}; {error.hint}" if error.hint else error.message
        ) from None


class Located:
    """The constructor of both clients: it finds the service, and stands before the service's own
    client among the bases."""

    def __init__(
        self,
        server: str | None = None,
        token: str | None = None,
        *,
        context: str | None = None,
        timeout: float = 10.0,
    ) -> None:
        self._target = locate(server, token, context)
        # the next base is a client, which takes these
        super().__init__(self._target.server, self._target.token, timeout)  # type: ignore[call-arg]


def document(source: SpecSource, target: Target) -> dict[str, Any]:
    """The spec as it is sent, its local paths made absolute as the command line does.

    Text of one line that is no `{...}` names a file, other text is YAML. Relative paths start from
    the file's folder, else from the current one. A name that is no file here and is left to the
    pool's data roots gives a UserWarning. Raises Invalid with every fault, OSError for a file that
    cannot be read.
    """
    if isinstance(source, str) and "\n" not in source and not source.lstrip().startswith("{"):
        source = Path(source)
    folder = source.resolve().parent if isinstance(source, Path) else Path.cwd()
    try:
        spec = SpecFile("the spec", _plain(source), {}, folder)
        spec.checked()
        localize(spec, target, lambda note: warnings.warn(note, stacklevel=5))
    except (SpecError, FileError) as error:
        raise Invalid("the spec is not valid", error.faults) from None
    found: dict[str, Any] = spec.data
    return found


def _plain(source: SpecSource) -> Any:
    if isinstance(source, SweepSpec):
        return source.dump()
    if isinstance(source, Mapping):
        return deepcopy(dict(source))
    return read_document(source.read_text("utf-8") if isinstance(source, Path) else source)


def id_of(sweep: SweepRef) -> str:
    """The id of a sweep, given itself or its id."""
    return sweep if isinstance(sweep, str) else sweep.id


class Patience:
    """How long a script waits for the end of a sweep. `timeout` is in seconds, None for ever."""

    def __init__(self, timeout: float | None) -> None:
        self._deadline = None if timeout is None else time.monotonic() + timeout
        self._looks = 0

    def after(self, seen: SweepDetail) -> float | None:
        """Seconds until the next look, None when the sweep has ended. Raises TimeoutError."""
        if seen.state in SWEEP_ENDS:
            return None
        wait, self._looks = pause(self._looks), self._looks + 1
        if self._deadline is None:
            return wait
        left = self._deadline - time.monotonic()
        if left <= 0:
            why = f": {seen.message}" if seen.message else ""
            raise TimeoutError(f"sweep {seen.id} is still {seen.state}{why}")
        return min(wait, left)
