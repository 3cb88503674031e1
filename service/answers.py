"""JSON answers that keep NaN and infinities.

Pydantic forgets `ser_json_inf_nan` inside models that a schema holds by reference (a TypeAdapter
whose core schema is "definitions"), which is how FastAPI serialises; it would write null.
"""

from __future__ import annotations

import json
from typing import Any

from starlette.responses import JSONResponse

from service.numbers import wired


class WireResponse(JSONResponse):
    """Writes floats that are not finite as the strings of `sweeps.wire`."""

    def render(self, content: Any) -> bytes:
        """UTF-8 JSON."""
        text = json.dumps(wired(content), ensure_ascii=False, allow_nan=False)
        return text.encode()
