from __future__ import annotations

import pytest

from workers import upkeep
from workers.upkeep import Upkeep


def bytes_of(mb: int) -> bytearray:
    return bytearray(b"x") * (mb * 2**20)


def test_what_a_trial_lets_go_wears_nobody_out() -> None:
    watched = Upkeep()
    for _ in range(4):
        mine = [bytes_of(1) for _ in range(64)]
        # A cycle, as modules and their hooks are: only the collector frees it.
        mine.append(mine)  # type: ignore[arg-type]
        del mine
        assert watched.worn(32 * 2**20) is None


def test_what_stays_does() -> None:
    watched = Upkeep()
    assert watched.worn(32 * 2**20) is None
    leaked = bytes_of(64)
    assert "main memory grew by 6" in str(watched.worn(32 * 2**20))
    assert watched.worn(96 * 2**20) is None
    assert len(leaked)


def test_a_device_counts_for_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    held = {"main memory": 1000, "device memory": 10}
    monkeypatch.setattr(upkeep, "_held", lambda: dict(held))
    watched = Upkeep()
    assert watched.worn(50) is None
    held["device memory"] = 100
    assert str(watched.worn(50)).startswith("device memory")
