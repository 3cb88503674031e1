from __future__ import annotations

import json

from service import calls
from service.schemas import LONGEST_MESSAGE


def test_a_message_is_cut_at_the_limit() -> None:
    whole, cut = "x" * LONGEST_MESSAGE, "x" * (LONGEST_MESSAGE + 1)
    assert json.loads(calls.finish("s", 1, "FAILED", whole).body or b"")["message"] == whole
    short = json.loads(calls.finish("s", 1, "FAILED", cut).body or b"")["message"]
    assert len(short) == LONGEST_MESSAGE
    assert short.endswith(f"(cut: the whole message has {len(cut)} characters)")
