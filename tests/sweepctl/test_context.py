from __future__ import annotations

import json
import stat
from pathlib import Path

import pytest
import yaml
from asking import Cli, Service

from sweepctl import contexts
from sweepctl.settings import Current
from sweepctl.state import StateFolder


def add(cli: Cli, name: str, service: Service) -> None:
    result = cli("context", "add", name, "--server", service.url, "--token-stdin", input="\n")
    assert result.exit_code == 2
    result = cli(
        *("context", "add", name, "--server", service.url, "--token-stdin"),
        input=service.user + "\n",
    )
    assert result.exit_code == 0
    assert service.user not in result.output


def test_a_context_leads_commands_to_its_service(bare: Cli, service: Service) -> None:
    add(bare, "lab", service)
    assert bare("get", "sweeps").exit_code == 0
    assert stat.S_IMODE(contexts.file().stat().st_mode) == 0o600
    shown = json.loads(bare("context", "show", "-o", "json").stdout)
    where = f"context lab, {contexts.file()}"
    assert shown == {"server": service.url, "from": where, "token": "known"}
    told = {row["name"]: row for row in json.loads(bare("doctor", "-o", "json").stdout)}
    assert told["service"]["found"] == f"{service.url} (from {where})"
    assert told["contexts"]["found"].startswith("lab*")
    contexts.file().chmod(0o640)
    told = {row["name"]: row for row in json.loads(bare("doctor", "-o", "json").stdout)}
    assert told["contexts"]["mend"].startswith("chmod 600 ")


def test_the_option_goes_anywhere_and_names_another_one(bare: Cli, service: Service) -> None:
    add(bare, "lab", service)
    made = bare("context", "add", "away", "--server", "http://127.0.0.1:9")
    assert "next: sweepctl context use away" in made.stderr
    assert bare("context", "use", "away").exit_code == 0
    assert bare("get", "sweeps").exit_code == 1
    for line in (("--context", "lab", "get", "sweeps"), ("get", "sweeps", "--context=lab")):
        assert bare(*line).exit_code == 0
    unknown = bare("get", "sweeps", "--context", "lap")
    assert unknown.exit_code == 3
    assert "did you mean 'lab'?" in unknown.stderr
    both = bare("get", "sweeps", "--context", "lab", "--server", service.url)
    assert both.exit_code == 2


def test_no_command_prints_a_token(bare: Cli, service: Service, tmp_path: Path) -> None:
    add(bare, "lab", service)
    file = tmp_path / "token"
    file.write_text(service.user)
    bare("context", "add", "file", "--server", service.url, "--token-file", str(file))
    for form in ("table", "wide", "json", "yaml", "name"):
        for line in (("context", "list"), ("context", "show"), ("doctor",)):
            assert service.user not in bare(*line, "-o", form).output
    assert bare("--context", "file", "get", "sweeps").exit_code == 0


def test_list_in_every_form(bare: Cli, tmp_path: Path) -> None:
    assert "no contexts" in bare("context", "list").stderr
    assert json.loads(bare("context", "list", "-o", "json").stdout) == []
    bare("context", "add", "one", "--server", "https://one.example/")
    bare("context", "add", "two", "--server", "https://two.example")
    state = StateFolder(tmp_path / "state")
    state.open()
    Current("http://127.0.0.1:7", "http://m", state).write()
    rows = yaml.safe_load(bare("context", "list", "-o", "yaml").stdout)
    assert [(row["name"], row["server"], row["current"]) for row in rows] == [
        ("one", "https://one.example", True),
        ("two", "https://two.example", False),
        ("up", "http://127.0.0.1:7", False),
    ]
    assert bare("context", "list", "-o", "name").stdout.split() == ["one", "two", "up"]
    lines = bare("context", "list").stdout.splitlines()
    assert lines[1].split() == ["*", "one", "https://one.example", "none"]


def test_up_is_the_one_that_runs(bare: Cli, tmp_path: Path) -> None:
    bare("context", "add", "one", "--server", "https://one.example")
    nobody = bare("--context", "up", "context", "show")
    assert nobody.exit_code == 1
    assert "no `sweepctl up` runs here" in nobody.stderr
    state = StateFolder(tmp_path / "state")
    state.open()
    Current("http://127.0.0.1:7", "http://m", state).write()
    assert bare("context", "show", "-o", "name").stdout == "https://one.example\n"
    assert bare("--context", "up", "context", "show", "-o", "name").stdout.endswith(":7\n")
    assert bare("context", "use", "up").exit_code == 0
    assert bare("context", "show", "-o", "name").stdout == "http://127.0.0.1:7\n"
    bare("context", "use", "one")
    assert "commands talk to the `sweepctl up`" in bare("context", "remove", "one").stderr
    assert bare("context", "show", "-o", "name").stdout == "http://127.0.0.1:7\n"


def test_remove(bare: Cli) -> None:
    bare("context", "add", "one", "--server", "https://one.example")
    result = bare("context", "remove", "one")
    assert "next: sweepctl context use NAME" in result.stderr
    assert contexts.load() == contexts.Contexts()
    assert bare("context", "remove", "one").exit_code == 3


def test_use_says_what_goes_before_it(bare: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    bare("context", "add", "one", "--server", "https://one.example")
    monkeypatch.setenv("SWEEPCTL_SERVER", "http://other")
    assert "next: unset SWEEPCTL_SERVER" in bare("context", "use", "one").stderr


@pytest.mark.parametrize(
    "line",
    [
        ("up", "--server", "https://one.example"),
        ("a b", "--server", "https://one.example"),
        ("one", "--server", "one.example"),
        ("one", "--server", "https://user:secret@one.example"),
        ("one", "--server", "https://one.example", "--token-stdin", "--token-file", "f"),
        ("one", "--server", "https://one.example", "--token", "t0ken"),
        ("one",),
    ],
)
def test_what_add_refuses(bare: Cli, line: tuple[str, ...]) -> None:
    result = bare("context", "add", *line)
    assert result.exit_code == 2
    assert result.stderr.splitlines()[-1].startswith("next: ")
    assert "t0ken" not in result.output
    assert not contexts.file().exists()


def test_a_token_file_that_is_not_there(bare: Cli, tmp_path: Path) -> None:
    server = ("--server", "https://one.example")
    result = bare("context", "add", "one", *server, "--token-file", str(tmp_path / "none"))
    assert result.exit_code == 4
    assert "cannot be read" in result.stderr
