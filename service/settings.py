"""The service's environment: every variable begins with SWEEP_."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path

from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict

from service.store.database import Limits


class SettingsError(Exception):
    """The environment is not usable; the message names the variable and the mend."""


class Settings(BaseSettings):
    """Read from the environment.

    A token comes from its variable or, with `_FILE`, from a file. `max_body_bytes` limits every
    body but a journal's, which `max_journal_bytes` limits. Times are in seconds. What begins with
    `database_` is told at `service.store.database.Limits`.
    """

    model_config = SettingsConfigDict(env_prefix="SWEEP_", extra="ignore")

    database_url: str = "sqlite:///sweeps.db"
    database_pool_size: int = Field(default=Limits.pool_size, ge=1)
    database_pool_overflow: int = Field(default=Limits.pool_overflow, ge=0)
    database_pool_seconds: float = Field(default=Limits.pool_seconds, gt=0)
    database_recycle_seconds: int = Field(default=Limits.recycle_seconds, gt=0)
    database_connect_seconds: int = Field(default=Limits.connect_seconds, ge=0)
    database_statement_seconds: float = Field(default=Limits.statement_seconds, ge=0)
    database_lock_seconds: float = Field(default=Limits.lock_seconds, ge=0)
    database_idle_seconds: float = Field(default=Limits.idle_seconds, ge=0)
    host: str = "127.0.0.1"
    port: int = Field(default=8765, ge=0, le=65535)
    user_token: SecretStr | None = None
    user_token_file: Path | None = None
    agent_token: SecretStr | None = None
    agent_token_file: Path | None = None
    lease_seconds: float = Field(default=30.0, gt=0)
    renew_seconds: float = Field(default=5.0, gt=0)
    mlflow_url: str | None = None
    max_body_bytes: int = Field(default=256 * 1024, ge=1024)
    max_journal_bytes: int = Field(default=8 * 1024 * 1024, ge=1024)
    event_poll_seconds: float = Field(default=0.3, gt=0)
    heartbeat_seconds: float = Field(default=15.0, gt=0)
    request_log: bool = False

    def limits(self) -> Limits:
        """How many connections, and how long to wait."""
        names = [field.name for field in fields(Limits)]
        return Limits(**{name: getattr(self, f"database_{name}") for name in names})

    def tokens(self) -> tuple[str, str]:
        """(user token, agent token). Raises SettingsError when one is missing or both are equal."""
        user = _secret("SWEEP_USER_TOKEN", self.user_token, self.user_token_file)
        agent = _secret("SWEEP_AGENT_TOKEN", self.agent_token, self.agent_token_file)
        if user == agent:
            raise SettingsError("SWEEP_USER_TOKEN and SWEEP_AGENT_TOKEN are equal; make two.")
        return user, agent


def _secret(name: str, value: SecretStr | None, file: Path | None) -> str:
    if value is not None and file is not None:
        raise SettingsError(f"Both {name} and {name}_FILE are set; keep one.")
    if file is not None:
        try:
            found = file.read_text(encoding="utf-8").strip()
        except OSError as error:
            raise SettingsError(f"{name}_FILE cannot be read: {error}") from error
    else:
        found = value.get_secret_value().strip() if value is not None else ""
    if not found:
        raise SettingsError(f"Set {name} or {name}_FILE to a secret of your own.")
    return found
