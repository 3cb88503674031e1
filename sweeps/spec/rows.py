"""What runs beside the search and after it."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field, SerializerFunctionWrapHandler, model_serializer

from sweeps.wire import Wire


class Confirm(Wire):
    """Rerun the best `top` configurations on `seeds` fresh seeds each, once the search is over."""

    top: int = Field(ge=1, le=1000)
    seeds: int = Field(ge=1, le=1000)


class Baselines(Wire):
    """Rows beside the search, run before it and no part of its budget.

    `base` is the base model, evaluated without training: true needs a recipe that can, false wants
    none, left out it is there where the recipe can. `preset` is one whole run with the parameters
    of a shipped preset, whatever is searched; null wants none.
    """

    base: bool | None = None
    preset: Literal["tulu2", "tulu3-8b", "lab", "mistral-like"] | None = "tulu2"

    @model_serializer(mode="wrap")
    def _told(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """Null is said aloud: left out it would be the default."""
        return {**handler(self), "preset": self.preset}
