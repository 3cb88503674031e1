"""How a call is written: its path, its body, and what its answer is read as."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TypeVar
from urllib.parse import quote

from pydantic import BaseModel

from service.exchange import Call, Value, read_as

M = TypeVar("M", bound=BaseModel)
# Any of these states; None: every state.
States = str | Sequence[str] | None
API = "/api/v1"
# Items of one page when all pages are asked for.
MANY = 200


def get(model: type[M], path: str, query: Mapping[str, Value] | None = None) -> Call[M]:
    """Read one `model`. No harm in asking twice."""
    return Call("GET", API + path, read_as(model), query=query or {}, again=True)


def post(model: type[M], path: str, body: BaseModel | None = None) -> Call[M]:
    """Ask for something that is answered with one `model`."""
    content = None if body is None else body.model_dump_json().encode()
    return Call("POST", API + path, read_as(model), body=content)


def nothing(_: bytes) -> None:
    """For answers without a body."""
    return None


def sweep_path(sweep_id: str) -> str:
    """Where one sweep is, below API."""
    return f"/sweeps/{quoted(sweep_id)}"


def trial_path(trial_id: str) -> str:
    """Where one trial is, below API."""
    return f"/trials/{quoted(trial_id)}"


def quoted(text: str) -> str:
    """A text of the user as one part of a path."""
    return quote(text, safe="")
