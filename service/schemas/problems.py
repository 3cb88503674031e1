"""What every error says."""

from __future__ import annotations

from pydantic import Field

from service.schemas.base import Answer


class ProblemFault(Answer):
    """One wrong field: RFC 6901 `pointer`, what is wrong, the value found, what to write."""

    pointer: str
    detail: str
    value: str
    mend: str


class Problem(Answer):
    """RFC 9457 problem details; further members depend on the type."""

    type: str
    title: str
    status: int
    detail: str
    instance: str = ""
    errors: list[ProblemFault] = Field(default_factory=list)
