from __future__ import annotations

from pathlib import Path

import matplotlib.image

from benchmarks.pruners.picture import draw
from benchmarks.pruners.targets import OURS, PEER, Point


def test_a_panel_for_each_data_set(tmp_path: Path) -> None:
    line = [
        Point(OURS, "early_dynamics", OURS, 0.2 + r, 0.1 - r, 1.0, 1.0, risk=r) for r in (0.05, 0.1)
    ]
    crowd = [Point("optuna", f"peer {n}", PEER, 0.9, 0.0, 1.0, 1.0) for n in range(8)]
    path = draw({"one": [*line, *crowd], "two": line, "three": crowd}, tmp_path / "p.png", "note")
    height, width = matplotlib.image.imread(path).shape[:2]
    assert width > 1400
    assert height > 1000
