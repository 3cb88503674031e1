"""The axes of the search, as the user writes them."""

from __future__ import annotations

from typing import Any

from pydantic import (
    GetJsonSchemaHandler,
    SerializerFunctionWrapHandler,
    model_serializer,
    model_validator,
)
from pydantic_core import CoreSchema

from sweeps.space import Space


class Parameters(Space):
    """The axes by name as the user writes them, `paired` and `exclude` standing beside them."""

    @model_validator(mode="before")
    @classmethod
    def _gather(cls, data: Any) -> Any:
        if not isinstance(data, dict):
            return data
        sides = {name: data[name] for name in ("paired", "exclude") if name in data}
        return {**sides, "axes": {k: v for k, v in data.items() if k not in sides}}

    @model_serializer(mode="wrap")
    def _scatter(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        plain = handler(self)
        axes: dict[str, Any] = plain.pop("axes")
        return {**axes, **{name: rows for name, rows in plain.items() if rows}}

    @classmethod
    def __get_pydantic_json_schema__(
        cls, core: CoreSchema, handler: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        """The schema of what is written, which `_gather` reads."""
        schema = handler.resolve_ref_schema(handler(core))
        axes = schema["properties"].pop("axes")
        schema["additionalProperties"] = axes["additionalProperties"]
        schema["required"] = []
        return schema
