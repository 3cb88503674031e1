"""What docker-compose.yml and helm/ may say about our programs: their commands and variables."""

from __future__ import annotations

import importlib.util
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path

from pydantic import AliasChoices
from pydantic_settings import BaseSettings

from service.settings import Settings
from workers.settings import WorkerSettings

_SETTINGS: dict[str, type[BaseSettings]] = {
    "service": Settings,
    "service.migrate": Settings,
    "workers.agent": WorkerSettings,
}


def variables(settings: type[BaseSettings]) -> set[str]:
    """Every environment variable that a settings class reads."""
    prefix = settings.model_config.get("env_prefix") or ""
    names: set[str] = set()
    for name, field in settings.model_fields.items():
        alias = field.validation_alias
        if isinstance(alias, AliasChoices):
            names |= {str(choice) for choice in alias.choices}
        else:
            names.add(str(alias) if alias else f"{prefix}{name}".upper())
    return names


def known_variables() -> set[str]:
    """Every environment variable that any program of ours reads."""
    return set().union(*(variables(settings) for settings in _SETTINGS.values()))


def check_command(command: Sequence[str]) -> str:
    """The module or console script that a command runs. AssertionError when there is none."""
    if command[0] != "python":
        assert shutil.which(command[0], path=str(Path(sys.executable).parent)), command
        return command[0]
    assert command[1] == "-m", command
    module = command[2]
    spec = importlib.util.find_spec(module)
    assert spec is not None, f"no module {module}"
    if spec.submodule_search_locations:
        assert importlib.util.find_spec(f"{module}.__main__"), f"{module} cannot be run"
    else:
        assert spec.origin
        assert '__name__ == "__main__"' in Path(spec.origin).read_text("utf-8"), module
    return module


def check_environment(program: str, names: set[str]) -> None:
    """Every SWEEP_ variable given to a program of ours is one that its settings read."""
    known = variables(_SETTINGS[program]) if program in _SETTINGS else set()
    unknown = {name for name in names if name.startswith("SWEEP_")} - known
    assert not unknown, f"{program} does not read {sorted(unknown)}"
