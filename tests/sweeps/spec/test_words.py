from __future__ import annotations

import pytest

from sweeps.spec import seconds_of


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("48h", 172800), ("90m", 5400), ("1d12h", 129600), ("30s", 30), ("1h1m1s", 3661)],
)
def test_durations(text: str, seconds: int) -> None:
    assert seconds_of(text) == seconds


@pytest.mark.parametrize("text", ["", "h", "5", "1h 5m", "5m1h", "-1h", "1.5h"])
def test_what_is_no_duration(text: str) -> None:
    with pytest.raises(ValueError, match="48h"):
        seconds_of(text)
