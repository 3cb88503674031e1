"""The base of everything that is stored or sent: frozen, strict about keys, honest about NaN."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


class Wire(BaseModel):
    """A frozen record. Unknown keys are errors; NaN and infinities travel as strings.

    JSON has no NaN, so `ser_json_inf_nan="strings"` writes "NaN", "Infinity" and "-Infinity",
    and pydantic reads them back into the same floats. `None` stays null: absent is not NaN. The
    outermost model decides: a plain BaseModel or TypeAdapter around a Wire may write null for NaN.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", ser_json_inf_nan="strings")
