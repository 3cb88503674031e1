"""Exit codes, and errors as a person reads them: what is wrong, and what to type next."""

from __future__ import annotations

from enum import IntEnum

from service.errors import (
    BadRequest,
    Conflict,
    Forbidden,
    Invalid,
    NotFound,
    ServiceError,
    Unauthenticated,
    Unreachable,
)
from sweeps.errors import Fault, SpecError, SweepError


class ExitCode(IntEnum):
    """What the shell is told."""

    OK = 0
    FAILED = 1
    USAGE = 2
    NOT_FOUND = 3
    AUTH = 4
    CONFLICT = 5
    TIMED_OUT = 124
    INTERRUPTED = 130


class CliError(Exception):
    """An error of the command line itself. `hint` is what to do or type next."""

    def __init__(
        self, message: str, code: ExitCode = ExitCode.FAILED, hint: str | None = None
    ) -> None:
        self.message, self.code, self.hint = message, code, hint
        super().__init__(message)


class FileError(CliError):
    """Faults of a spec file, each with the line it stands on where that was found."""

    def __init__(self, name: str, faults: list[Fault], lines: dict[str, int]) -> None:
        super().__init__(name, ExitCode.USAGE, f"mend {name} and run the command again")
        self.faults, self.lines = faults, lines


_CODES: list[tuple[type[ServiceError], ExitCode]] = [
    (Unauthenticated, ExitCode.AUTH),
    (Forbidden, ExitCode.AUTH),
    (NotFound, ExitCode.NOT_FOUND),
    (Conflict, ExitCode.CONFLICT),
    (Invalid, ExitCode.USAGE),
    (BadRequest, ExitCode.USAGE),
]


def code_of(error: Exception) -> ExitCode:
    """The exit code of an error that a command may raise."""
    if isinstance(error, CliError):
        return error.code
    if isinstance(error, SpecError):
        return ExitCode.USAGE
    for kind, code in _CODES:
        if isinstance(error, kind):
            return code
    return ExitCode.FAILED


def lines_of(error: CliError | ServiceError | SweepError) -> list[str]:
    """The error as lines for stderr; the last one says what to do next, where that helps."""
    if isinstance(error, FileError):
        lines = [f"error: {_placed(fault, error)}" for fault in error.faults]
    elif isinstance(error, SpecError):
        lines = [f"error: {fault}" for fault in error.faults]
    elif isinstance(error, CliError):
        lines = [f"error: {line}" for line in error.message.splitlines()]
    elif isinstance(error, ServiceError):
        faults = [f"error: {fault}" for fault in error.faults]
        lines = faults or [f"error: {error.detail}"]
    else:
        lines = [f"error: {error}"]
    hint = _hint(error)
    return [*lines, f"next: {hint}"] if hint else lines


def _placed(fault: Fault, error: FileError) -> str:
    """The fault behind its place in the file: that of the nearest parent when it is not there."""
    pointer = fault.pointer
    while pointer and pointer not in error.lines:
        pointer = pointer.rpartition("/")[0]
    line = error.lines.get(pointer)
    return f"{error.message}:{line}: {fault}" if line else f"{error.message}: {fault}"


def _hint(error: Exception) -> str | None:
    if isinstance(error, CliError):
        return error.hint
    if isinstance(error, Unreachable):
        return "sweepctl up (starts a service here), or name one with --server; sweepctl doctor"
    if isinstance(error, Unauthenticated):
        return "set SWEEPCTL_TOKEN, or --token; `sweepctl up` writes one to STATE/user.token"
    if isinstance(error, NotFound):
        return "sweepctl get sweeps"
    if isinstance(error, ServiceError) and error.status >= 500:
        return "sweepctl doctor"
    return None
