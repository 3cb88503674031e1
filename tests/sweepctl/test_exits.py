from __future__ import annotations

import pytest

from service.errors import (
    BadRequest,
    Conflict,
    Forbidden,
    IllegalMove,
    Invalid,
    KeyReused,
    NotFound,
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
    assert lines_of(SpecError([FAULT, FAULT])) == [f"error: {TEXT}"] * 2
    assert lines_of(Invalid("all wrong", [FAULT])) == [f"error: {TEXT}"]


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


def test_no_hint_where_none_helps() -> None:
    assert lines_of(Conflict("it is paused")) == ["error: it is paused"]
    assert lines_of(JournalError("a gap")) == ["error: a gap"]
    assert lines_of(CliError("one\ntwo")) == ["error: one", "error: two"]
