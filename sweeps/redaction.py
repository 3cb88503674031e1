"""Secrets do not belong in a spec: how they are recognised, and kept out of messages."""

from __future__ import annotations

import re

HIDDEN = "(hidden)"

_TOKENS = {
    "a Hugging Face token": r"\bhf_[A-Za-z0-9]{10,}",
    "an API key": (
        r"\bsk-(?:(?:proj|ant|or|svcacct|live|test)[-_][A-Za-z0-9_-]{8,}|[A-Za-z0-9]{16,})"
    ),
    "an AWS access key": r"\b(?:AKIA|ASIA)[0-9A-Z]{16}\b",
    "a GitHub token": r"\b(?:gh[pousr]_[A-Za-z0-9]{16,}|github_pat_[A-Za-z0-9_]{16,})",
    "a GitLab token": r"\bglpat-[A-Za-z0-9_-]{16,}",
    "a Slack token": r"\bxox[abprs]-[A-Za-z0-9-]{10,}",
    "a Google API key": r"\bAIza[A-Za-z0-9_-]{30,}",
    "a signed token (JWT)": r"\beyJ[A-Za-z0-9_-]{8,}\.eyJ[A-Za-z0-9_-]{8,}",
    "a private key": r"-----BEGIN [A-Z ]*PRIVATE KEY-----",
    "a password in an address": r"[a-z][a-z0-9+.-]*://[^/\s:@]+:[^/\s@]+@",
}
_PATTERNS = {what: re.compile(pattern) for what, pattern in _TOKENS.items()}
_KEY = re.compile(
    r"(?:^|[._-])(?:password|passwd|secret|token|api[._-]?key|credentials?|private[._-]?key)$",
    re.IGNORECASE,
)


def secret_in(text: str) -> str | None:
    """What secret `text` looks like it holds, in words ("a Hugging Face token"), or None."""
    return next((what for what, pattern in _PATTERNS.items() if pattern.search(text)), None)


def names_secret(key: str) -> bool:
    """True when a key says that its value is a secret: `password`, `hub_token`, `api-key`."""
    return bool(_KEY.search(key))


def hide(text: str) -> str:
    """`text`, or a placeholder when it looks like it holds a secret."""
    return HIDDEN if secret_in(text) else text
