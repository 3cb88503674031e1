"""How the service is."""

from __future__ import annotations

from service.schemas.base import Answer


class Health(Answer):
    """`status` is "ok", or what is wrong."""

    status: str
    version: str
