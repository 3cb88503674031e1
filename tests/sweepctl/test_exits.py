from __future__ import annotations

import ast
from pathlib import Path

import pytest

import sweepctl
from service.errors import (
    BY_SLUG,
    BadRequest,
    Conflict,
    Forbidden,
    IllegalMove,
    Invalid,
    KeyReused,
    NotFound,
    PreconditionFailed,
    ServiceError,
    Unauthenticated,
    Unavailable,
    Unreachable,
    Unsupported,
)
from sweepctl.exits import CliError, ExitCode, FileError, code_of, lines_of
from sweeps.errors import Fault, JournalError, SpecError

FAULT = Fault("/spec/parameters/learning_rate/values/0", "-1", "must be positive", "Write 1e-4.")
TEXT = "/spec/parameters/learning_rate/values/0: must be positive (got -1). Write 1e-4."


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (Unauthenticated("x"), 4),
        (Forbidden("x"), 4),
        (NotFound("x"), 3),
        (Conflict("x"), 5),
        (IllegalMove("x"), 5),
        (PreconditionFailed("x"), 5),
        (Invalid("x"), 2),
        (KeyReused("x"), 2),
        (Unsupported("x"), 2),
        (BadRequest("x"), 2),
        (Unavailable("x"), 1),
        (Unreachable("x"), 1),
        (ServiceError("x"), 1),
        (SpecError([FAULT]), 2),
        (JournalError("x"), 1),
        (CliError("x", ExitCode.TIMED_OUT), 124),
        (FileError("a.yaml", [FAULT], {}), 2),
    ],
)
def test_every_error_has_its_code(error: Exception, code: int) -> None:
    assert code_of(error) == code


def test_the_codes_are_those_of_the_design() -> None:
    assert [code.value for code in ExitCode] == [0, 1, 2, 3, 4, 5, 124, 130]


def test_faults_are_one_a_line() -> None:
    assert lines_of(SpecError([FAULT, FAULT]))[:-1] == [f"error: {TEXT}"] * 2
    assert lines_of(Invalid("all wrong", [FAULT]))[:-1] == [f"error: {TEXT}"]


def test_a_files_faults_have_lines_that_of_the_parent_when_it_is_missing() -> None:
    def said(lines: dict[str, int]) -> str:
        return lines_of(FileError("a.yaml", [FAULT], lines))[0]

    assert said({FAULT.pointer: 12}) == f"error: a.yaml:12: {TEXT}"
    assert said({"/spec/parameters": 3}) == f"error: a.yaml:3: {TEXT}"
    assert said({}) == f"error: a.yaml: {TEXT}"


@pytest.mark.parametrize(
    ("error", "next_"),
    [
        (Unreachable("x"), "sweepctl up"),
        (Unauthenticated("x"), "SWEEPCTL_TOKEN"),
        (NotFound("x"), "sweepctl get sweeps"),
        (ServiceError("x"), "sweepctl doctor"),
        (CliError("x", hint="do this"), "do this"),
        (FileError("a.yaml", [FAULT], {}), "mend a.yaml"),
    ],
)
def test_the_last_line_is_what_to_do(error: CliError | ServiceError, next_: str) -> None:
    last = lines_of(error)[-1]
    assert last.startswith("next: ")
    assert next_ in last


def test_the_message_stands_before_it_line_by_line() -> None:
    lines = lines_of(CliError("one\ntwo", hint="three"))
    assert lines == ["error: one", "error: two", "next: three"]


@pytest.mark.parametrize("kind", sorted(BY_SLUG.values(), key=lambda kind: kind.slug))
def test_every_error_of_the_service_says_what_to_do(kind: type[ServiceError]) -> None:
    lines = lines_of(kind("it went wrong"))
    assert lines[0] == "error: it went wrong"
    assert len(lines) == 2
    assert lines[1].startswith("next: ")
    assert (kind.status < 500) is (code_of(kind("x")) is not ExitCode.FAILED)


def test_errors_of_the_pure_room_say_it_too() -> None:
    assert lines_of(JournalError("a gap")) == ["error: a gap", "next: sweepctl doctor"]


def _raised() -> list[tuple[str, ast.Call]]:
    """Every place in the command line where a CliError is made."""
    folder = Path(sweepctl.__file__).parent
    return [
        (f"{file.name}:{node.lineno}", node)
        for file in sorted(folder.glob("*.py"))
        for node in ast.walk(ast.parse(file.read_text()))
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Name)
        and node.func.id == "CliError"
    ]


def test_every_error_that_is_raised_here_says_what_to_do() -> None:
    found = _raised()
    assert len(found) > 30
    silent = [
        place
        for place, call in found
        if len(call.args) < 3 and "hint" not in {keyword.arg for keyword in call.keywords}
    ]
    assert not silent, f"give these a hint, the command to type next: {silent}"
