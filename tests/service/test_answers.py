"""JSON answers with numbers that JSON has not."""

from __future__ import annotations

import math

from service.answers import WireResponse


def test_not_a_number_is_text_and_absent_is_null() -> None:
    answer = WireResponse({"a": math.nan, "b": [None, math.inf], "c": "\u2028\u00e4"})
    wanted = '{"a": "NaN", "b": [null, "Infinity"], "c": "\u2028\u00e4"}'
    assert bytes(answer.body).decode() == wanted
