from __future__ import annotations

from pathlib import Path

import pytest

from workers.recipes.commands import Command, CommandsError, filled, read_commands


def written(folder: Path, text: str) -> str:
    path = folder / "commands.yaml"
    path.write_text(text, "utf-8")
    return str(path)


def test_commands_are_read_with_their_defaults(tmp_path: Path) -> None:
    text = 'a: {command: [run, "2"]}\nb: {command: [x], resumes: false, grace_seconds: 1}\n'
    found = read_commands(written(tmp_path, text))
    assert found["a"] == Command(command=["run", "2"])
    assert (found["b"].resumes, found["b"].grace_seconds) == (False, 1.0)
    assert read_commands("") == {}


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("a: {comand: [x]}", "/a/comand"),
        ("a: {command: []}", "/a/command"),
        ("a: {command: x}", "/a/command"),
        ("a: {command: [x], silence_seconds: 0}", "/a/silence_seconds"),
        ("a: {command: [x], environment: {TRIAL_JSON: x}}", "those of the trial"),
        ("a: {command: [x], pass_environment: [TRIAL_SEED]}", "those of the trial"),
        ("a: {command: [x], pass_environment: ['A=B']}", "no name of an environment variable"),
        ("a: {command: ['{TRIAL_PARAM_PROGRAM}']}", "the program itself cannot be left open"),
        ("a: {command: [bash, -c, 'x {TRIAL_PARAM_X}']}", "into the text that -c runs"),
        ("'a b': {command: [x]}", "a b"),
        ("- a", "dictionary"),
        ("a: [", "cannot be read"),
    ],
)
def test_a_fault_names_the_file_and_the_place(tmp_path: Path, text: str, named: str) -> None:
    with pytest.raises(CommandsError, match=r"SWEEP_COMMANDS: .*commands\.yaml") as error:
        read_commands(written(tmp_path, text))
    assert named in str(error.value)


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(
        CommandsError, match=r"SWEEP_COMMANDS: .*none\.yaml cannot be read.*Each node"
    ):
        read_commands(str(tmp_path / "none.yaml"))


def test_places_are_filled_once_and_nothing_else_is_read(tmp_path: Path) -> None:
    command = Command(command=["run", "{TRIAL_A}:{TRIAL_B}", "{A}", "{sweep_a}", "${TRIAL_A}"])
    values = {"TRIAL_A": "{TRIAL_B} $(x)", "TRIAL_B": "2", "A": "secret"}
    assert filled(command, values) == [
        "run", "{TRIAL_B} $(x):2", "{A}", "{sweep_a}", "${TRIAL_B} $(x)",
    ]  # fmt: skip


@pytest.mark.parametrize("value", ["-1", "-1e-5", "-.5", "-inf", "x-y", ""])
def test_numbers_and_words_are_values(value: str) -> None:
    assert filled(Command(command=["run", "{TRIAL_A}"]), {"TRIAL_A": value}) == ["run", value]


@pytest.mark.parametrize("value", ["-x", "--config=/mine", "-1x", "-"])
def test_what_reads_as_an_option_is_refused(value: str) -> None:
    with pytest.raises(CommandsError, match="reads as an option"):
        filled(Command(command=["run", "{TRIAL_A}"]), {"TRIAL_A": value})
    assert filled(Command(command=["run", "-a{TRIAL_A}"]), {"TRIAL_A": value})[1] == f"-a{value}"


@pytest.mark.parametrize(
    "before",
    [
        ["bash", "-c"],
        ["/bin/sh", "-ec"],
        ["bash", "-o", "pipefail", "-c"],
        ["bash", "-euo", "pipefail", "-c"],
        ["bash", "--norc", "-c", "--"],
        ["bash", "-c", "-e"],
        ["env", "A=1", "bash", "-lc"],
        ["timeout", "9", "python3.11", "-u", "-c"],
    ],
)
def test_no_request_writes_into_a_text_that_is_run(before: list[str]) -> None:
    with pytest.raises(ValueError, match=r"the text that -c runs; .*\"\$TRIAL_PARAM_X\""):
        Command(command=[*before, "train --lr {TRIAL_PARAM_X}"])
    with pytest.raises(ValueError, match="the text that -c runs"):
        Command(command=[*before, "{TRIAL_PARAM_X}"])
    Command(command=[*before, 'train --lr "$TRIAL_PARAM_X"', "name", "{TRIAL_PARAM_X}"])


def test_a_text_in_the_option_itself_is_run_too() -> None:
    with pytest.raises(ValueError, match="the text that -c runs"):
        Command(command=["python", "-cprint({TRIAL_PARAM_X})"])


@pytest.mark.parametrize(
    "command",
    [
        ["python", "train.py", "-c", "{TRIAL_PARAM_X}"],
        ["python", "-m", "train", "-c", "{TRIAL_PARAM_X}"],
        ["bash", "-e", "train.sh", "-c", "{TRIAL_PARAM_X}"],
        ["train", "-c", "{TRIAL_PARAM_X}"],
    ],
)
def test_the_option_c_of_other_programs_stays_open(command: list[str]) -> None:
    assert filled(Command(command=command), {"TRIAL_PARAM_X": "$(x)"})[-1] == "$(x)"
