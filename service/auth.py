"""Who may do what: bearer tokens, kept as digests, and the scopes that each one has."""

from __future__ import annotations

import hashlib
import hmac
from enum import StrEnum

from service.errors import Forbidden, Unauthenticated


class Scope(StrEnum):
    """What a route asks for. OPEN asks for no token."""

    OPEN = "open"
    VIEWER = "viewer"
    EDITOR = "editor"
    ADMIN = "admin"
    AGENT = "agent"


USER_SCOPES = frozenset({Scope.VIEWER, Scope.EDITOR, Scope.ADMIN})
AGENT_SCOPES = frozenset({Scope.AGENT, Scope.VIEWER})


class Keyring:
    """The tokens that this service knows. Only their SHA-256 digests stay in memory."""

    def __init__(self, user_token: str, agent_token: str) -> None:
        self._known = [(_digest(user_token), USER_SCOPES), (_digest(agent_token), AGENT_SCOPES)]

    def check(self, scope: Scope, token: str | None) -> None:
        """Raises Unauthenticated for no or an unknown token, Forbidden for one without `scope`."""
        if scope is Scope.OPEN:
            return
        if not token:
            raise Unauthenticated("send a token: Authorization: Bearer TOKEN")
        given, scopes = _digest(token), frozenset[Scope]()
        # Every digest is compared, so that the time taken tells nothing.
        for known, granted in self._known:
            if hmac.compare_digest(known, given):
                scopes = granted
        if not scopes:
            raise Unauthenticated("this token is not known here; check which service it is for")
        if scope not in scopes:
            has = ", ".join(sorted(scopes))
            raise Forbidden(f"this needs scope {scope}; the token has {has}")


def _digest(token: str) -> bytes:
    return hashlib.sha256(token.encode("utf-8", "surrogateescape")).digest()
