from __future__ import annotations

import json
import subprocess

import pytest
import yaml
from asking import Cli

from sweepctl.about import own_version


def test_version_of_both(cli: Cli) -> None:
    mine = own_version()
    assert cli("version").stdout.splitlines() == [f"sweepctl {mine}", f"service {mine}"]
    assert json.loads(cli("version", "-o", "json").stdout) == {"sweepctl": mine, "service": mine}


def test_version_without_a_service(bare: Cli) -> None:
    result = bare("version", "-o", "yaml")
    assert result.exit_code == 0
    assert yaml.safe_load(result.stdout) == {"sweepctl": own_version(), "service": None}
    assert "no service answers" in result.stderr
    assert bare("version").stdout == f"sweepctl {own_version()}\n"


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish", "powershell", "pwsh"])
def test_completion_scripts(bare: Cli, shell: str) -> None:
    out = bare("completion", shell).stdout
    assert "_SWEEPCTL_COMPLETE" in out


def test_bash_takes_the_script(bare: Cli) -> None:
    script = bare("completion").stdout
    subprocess.run(["bash", "-n"], input=script, text=True, check=True)


def test_an_unknown_shell(bare: Cli) -> None:
    assert bare("completion", "tcsh").exit_code == 2
