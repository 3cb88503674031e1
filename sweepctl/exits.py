"""Exit codes, and errors as a person reads them: what is wrong, and what to type next."""

from __future__ import annotations

from enum import IntEnum

from service.errors import (
    BadRequest,
    Conflict,
    Forbidden,
    Invalid,
    MethodNotAllowed,
    NotFound,
    PreconditionFailed,
    ServiceError,
    TooLarge,
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
    (PreconditionFailed, ExitCode.CONFLICT),
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
    # Below 500 the caller must act, from there on the operator.
    mine = isinstance(error, ServiceError) and error.status < 500
    return ExitCode.USAGE if mine else ExitCode.FAILED


def lines_of(error: CliError | ServiceError | SweepError) -> list[str]:
    """The error as lines for stderr; the last one says what to do next."""
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
    return [*lines, f"next: {_hint(error)}"]


def _placed(fault: Fault, error: FileError) -> str:
    """The fault behind its place in the file: that of the nearest parent when it is not there."""
    pointer = fault.pointer
    while pointer and pointer not in error.lines:
        pointer = pointer.rpartition("/")[0]
    line = error.lines.get(pointer)
    return f"{error.message}:{line}: {fault}" if line else f"{error.message}: {fault}"


# What to do about an error of the service: the first class that fits.
_HINTS: list[tuple[type[ServiceError], str]] = [
    (
        Unreachable,
        "sweepctl up (starts a service here), or name one with --server; sweepctl doctor",
    ),
    (
        Unauthenticated,
        "set SWEEPCTL_TOKEN, or --token; `sweepctl up` writes one to STATE/user.token",
    ),
    (
        Forbidden,
        "use a token that may: --token, SWEEPCTL_TOKEN or --context; sweepctl context show",
    ),
    (NotFound, "sweepctl get sweeps"),
    (PreconditionFailed, "look at what is there now, and run the command again"),
    (Conflict, "sweepctl get sweeps shows the states"),
    (TooLarge, "send less; a spec is a few kilobytes"),
    (Invalid, "mend what is named; sweepctl schema shows what a spec may hold"),
    (MethodNotAllowed, "sweepctl doctor tells whether service and command are of one version"),
    (BadRequest, "mend what is named; sweepctl --help, sweepctl doctor"),
    (ServiceError, "sweepctl doctor"),
]


def _hint(error: CliError | ServiceError | SweepError) -> str:
    if isinstance(error, CliError):
        return error.hint or "sweepctl --help"
    if isinstance(error, SpecError):
        return "mend what is named; sweepctl schema shows what a spec may hold"
    if isinstance(error, ServiceError):
        return next(hint for kind, hint in _HINTS if isinstance(error, kind))
    return "sweepctl doctor"
