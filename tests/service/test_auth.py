"""Tokens and their scopes."""

from __future__ import annotations

import pytest

from service.auth import AGENT_SCOPES, USER_SCOPES, Keyring, Scope
from service.errors import Forbidden, Unauthenticated

KEYRING = Keyring("user", "agent")


@pytest.mark.parametrize("scope", list(Scope))
def test_each_token_opens_its_scopes(scope: Scope) -> None:
    for token, granted in (("user", USER_SCOPES), ("agent", AGENT_SCOPES)):
        if scope in granted or scope is Scope.OPEN:
            KEYRING.check(scope, token)
        else:
            with pytest.raises(Forbidden, match=f"needs scope {scope}"):
                KEYRING.check(scope, token)


@pytest.mark.parametrize("token", [None, "", "User", "user ", "\udcff"])
def test_other_tokens_open_nothing(token: str | None) -> None:
    with pytest.raises(Unauthenticated):
        KEYRING.check(Scope.VIEWER, token)
    KEYRING.check(Scope.OPEN, token)


def test_tokens_are_not_kept() -> None:
    assert "user" not in repr(vars(KEYRING)).replace("frozenset", "").replace("Scope", "")
