from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.training.starts import NEW, WARM, rows


@pytest.mark.slow
def test_each_start_is_measured_on_a_real_ray(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It sets variables of Ray's for itself; how long anything took is asked of nobody."""
    for name in ("PYTHONPATH", "RAY_ADDRESS"):
        monkeypatch.setenv(name, "")
    found = {row.figure: row for row in rows(tmp_path, switches=3, cold=1)}
    assert (found[WARM].n, found[NEW].n) == (3, 1)
    assert all(0 < row.min <= row.median <= row.max for row in found.values())
