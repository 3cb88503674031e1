from __future__ import annotations

import errno
import signal
from typing import Any

import pytest
import typer
from typer.testing import CliRunner

from service.errors import Conflict, Unreachable
from sweepctl.exits import CliError, ExitCode
from sweepctl.guard import InterruptError
from sweepctl.shell import Group, hoist
from sweeps.errors import Fault, SpecError


@pytest.mark.parametrize(
    ("typed", "read"),
    [
        (["get", "sweeps", "--server", "u"], ["--server", "u", "get", "sweeps"]),
        (["get", "--token=t", "sweeps"], ["--token=t", "get", "sweeps"]),
        (["--server=u", "why", "x"], ["--server=u", "why", "x"]),
        (["get", "sweeps", "--context", "c"], ["--context", "c", "get", "sweeps"]),
        (["get", "--context=c"], ["--context=c", "get"]),
        (["why", "--", "--server", "u"], ["why", "--", "--server", "u"]),
        (["why", "--server"], ["why", "--server"]),
        ([], []),
    ],
)
def test_global_options_may_stand_anywhere(typed: list[str], read: list[str]) -> None:
    assert hoist(typed) == read


def run(error: BaseException) -> Any:
    app = typer.Typer(cls=Group, pretty_exceptions_enable=False)

    @app.callback()
    def root() -> None: ...

    @app.command()
    def fail() -> None:
        print("data")
        raise error

    return CliRunner().invoke(app, ["fail"])


@pytest.mark.parametrize(
    ("error", "code", "said"),
    [
        (CliError("no", ExitCode.TIMED_OUT), 124, "error: no"),
        (Conflict("busy"), 5, "error: busy"),
        (Unreachable("away"), 1, "next: sweepctl up"),
        (SpecError([Fault("/a", "1", "bad", "Mend.")]), 2, "error: /a: bad (got 1). Mend."),
        (PermissionError(errno.EACCES, "Permission denied", "f"), 1, "error: [Errno 13]"),
        (KeyboardInterrupt(), 130, ""),
        (InterruptError(signal.SIGINT), 130, ""),
        (InterruptError(signal.SIGTERM), 143, ""),
    ],
)
def test_errors_are_lines_on_stderr_and_a_code(error: BaseException, code: int, said: str) -> None:
    result = run(error)
    assert result.exit_code == code
    assert result.stdout == "data\n"
    assert said in result.stderr
    assert "Traceback" not in result.output


def test_a_reader_that_left_is_no_error_of_ours() -> None:
    result = run(BrokenPipeError(errno.EPIPE, "Broken pipe"))
    assert result.exit_code == 1
    assert result.stderr == ""


def test_a_bug_is_not_hidden() -> None:
    result = run(ZeroDivisionError())
    assert isinstance(result.exception, ZeroDivisionError)
