from __future__ import annotations

from service_support import make_offer

from service import calls


def test_no_lease_is_none() -> None:
    assert calls.claim(make_offer()).read(b"") is None
