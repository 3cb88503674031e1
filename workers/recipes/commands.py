"""Command lines that the operator of a pool allows as trials, under names that a spec may use.

They stand in the file that SWEEP_COMMANDS names. A request chooses a name; it never brings a word
of a command line, only values for the places that the operator left open.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, Field, TypeAdapter, ValidationError, model_validator

from sweeps.documents import read_document
from sweeps.errors import SpecError, SweepError
from sweeps.faults import pointer
from sweeps.spec import Name
from sweeps.wire import Wire

# What may be left open in a command line: a variable of its own environment, by name.
PLACE = re.compile(r"\{(TRIAL_[A-Z0-9_]+)\}")
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
# Programs that run a text as code for -c, that option (alone, with others, or with the text in the
# same argument), and their options that have the argument after them as a value.
_RUNS_CODE = re.compile(r"(a|ba|rba|c|da|fi|k|mk|tc|z)?sh|(python|pypy)[0-9.]*")
_CODE_OPTION = re.compile(r"-[A-Za-z]*c")
_TAKES_VALUE = re.compile(r"[-+][A-Za-z]*[oOWX]|--(rcfile|init-file)")


class CommandsError(SweepError):
    """The operator's file of commands cannot be used."""


def _variable(name: str) -> str:
    if not _VARIABLE.fullmatch(name):
        raise ValueError("this is no name of an environment variable")
    if name.startswith("TRIAL_"):
        raise ValueError("names that begin with TRIAL_ are those of the trial")
    return name


Argument = Annotated[str, Field(min_length=1, max_length=10_000)]
Variable = Annotated[str, AfterValidator(_variable)]


class Command(Wire):
    """One command line, and how it is run.

    `directory` is where it runs (default: a new empty folder). Of the worker's environment it gets
    what `workers.bring.environment` lists, the variables named in `pass_environment`, and those of
    `environment`. `resumes: false` says that it cannot save its state: such a trial starts anew
    when it was paused. After `silence_seconds` without a word it has failed; `grace_seconds` are
    between being told to end, SIGTERM and SIGKILL.
    """

    command: list[Argument] = Field(min_length=1)
    directory: Path | None = None
    environment: dict[Variable, str] = {}
    pass_environment: list[Variable] = []
    resumes: bool = True
    silence_seconds: float = Field(default=3600.0, gt=0, allow_inf_nan=False)
    grace_seconds: float = Field(default=30.0, ge=0, allow_inf_nan=False)

    @model_validator(mode="after")
    def _program(self) -> Command:
        if PLACE.search(self.command[0]):
            raise ValueError("the program itself cannot be left open; write it out")
        if any(PLACE.search(argument) for argument in _code(self.command)):
            raise ValueError(
                "a request could write into the text that -c runs; take the value from the "
                'environment, in a shell as "$TRIAL_PARAM_X" with its quotation marks'
            )
        return self


def _code(command: list[str]) -> Iterator[str]:
    """The arguments that a shell or Python in the command line runs as code, for a `-c`."""
    for number, program in enumerate(command, 1):
        if not _RUNS_CODE.fullmatch(Path(program).name):
            continue
        begun, arguments = False, iter(command[number:])
        for argument in arguments:
            begun = begun or bool(_CODE_OPTION.match(argument))
            if begun:
                yield argument
            if not argument.startswith(("-", "+")):
                break
            if _TAKES_VALUE.fullmatch(argument):
                next(arguments, None)


_TABLE = TypeAdapter(dict[Name, Command])


def read_commands(path: str) -> dict[str, Command]:
    """The commands of the operator's YAML file by name, none without a file ("").

    Raises CommandsError, which names the file and the place in it.
    """
    if not path:
        return {}
    try:
        return _TABLE.validate_python(read_document(Path(path).read_text("utf-8")))
    except ValidationError as error:
        faults = [f"{pointer([*fault['loc']])}: {fault['msg']}" for fault in error.errors()]
        raise CommandsError(f"SWEEP_COMMANDS: {path}: {'; '.join(faults)}") from error
    except FileNotFoundError as error:
        raise CommandsError(
            f"SWEEP_COMMANDS: {path} cannot be read: it is not there. Each node of the pool's Ray "
            "needs it at this path."
        ) from error
    except (OSError, UnicodeError, SpecError) as error:
        raise CommandsError(f"SWEEP_COMMANDS: {path} cannot be read: {error}") from error


def filled(command: Command, values: Mapping[str, str]) -> list[str]:
    """The arguments with every open place filled from `values`.

    Each stays one argument whatever it holds: no shell reads it. Raises CommandsError for a name
    that has no value in this trial, and for a text that would be read as an option where the
    operator wanted a value.
    """
    return [_filled(argument, values) for argument in command.command]


def _filled(argument: str, values: Mapping[str, str]) -> str:
    missing = [name for name in PLACE.findall(argument) if name not in values]
    if missing:
        raise CommandsError(f"The command's {argument!r}: this trial has no {missing[0]}.")
    text = PLACE.sub(lambda place: values[place[1]], argument)
    if text.startswith("-") and not argument.startswith("-") and not _is_number(text):
        raise CommandsError(
            f"The command's {argument!r} would be {text!r}, which reads as an option. "
            "Choose a value that does not begin with '-'."
        )
    return text


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
