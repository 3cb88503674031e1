"""Tokens from the environment or from files."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path

import pytest
from pydantic import ValidationError

from service.settings import Settings, SettingsError
from service.store.database import Limits


@pytest.fixture(autouse=True)
def _bare(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("USER", "AGENT"):
        monkeypatch.delenv(f"SWEEP_{name}_TOKEN", raising=False)
        monkeypatch.delenv(f"SWEEP_{name}_TOKEN_FILE", raising=False)


def test_variables_and_files(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "agent").write_text("from file\n")
    monkeypatch.setenv("SWEEP_USER_TOKEN", "from variable")
    monkeypatch.setenv("SWEEP_AGENT_TOKEN_FILE", str(tmp_path / "agent"))
    settings = Settings()
    assert settings.tokens() == ("from variable", "from file")
    assert "from variable" not in repr(settings)


def test_defaults_are_loopback() -> None:
    assert (Settings().host, Settings().port) == ("127.0.0.1", 8765)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({}, "Set SWEEP_USER_TOKEN or SWEEP_USER_TOKEN_FILE"),
        ({"user_token": " "}, "Set SWEEP_USER_TOKEN"),
        ({"user_token": "a"}, "Set SWEEP_AGENT_TOKEN"),
        ({"user_token": "a", "agent_token": "a"}, "are equal"),
        ({"user_token": "a", "user_token_file": "/x"}, "Both SWEEP_USER_TOKEN and"),
        ({"user_token_file": "/nowhere/x"}, "SWEEP_USER_TOKEN_FILE cannot be read"),
    ],
)
def test_what_is_wrong_is_named(given: dict[str, str], said: str) -> None:
    with pytest.raises(SettingsError, match=said):
        Settings.model_validate(given).tokens()


def test_the_limits_of_the_database(monkeypatch: pytest.MonkeyPatch) -> None:
    assert Settings().limits() == Limits()
    for field in fields(Limits):
        monkeypatch.setenv(f"SWEEP_DATABASE_{field.name.upper()}", "3")
    assert Settings().limits() == Limits(3, 3, 3, 3, 3, 3, 3, 3)
    monkeypatch.setenv("SWEEP_DATABASE_POOL_SIZE", "0")
    with pytest.raises(ValidationError, match="database_pool_size"):
        Settings()
