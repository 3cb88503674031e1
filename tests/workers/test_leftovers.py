from __future__ import annotations

from pathlib import Path

from workers.leftovers import Leftovers


def test_marks_are_put_found_and_cleared(tmp_path: Path) -> None:
    marks = Leftovers(tmp_path / "storage")
    assert marks.sweeps() == []
    marks.clear("swp_a")
    for sweep in ("swp_b", "swp_a", "swp_b"):
        marks.mark(sweep)
    assert Leftovers(tmp_path / "storage").sweeps() == ["swp_a", "swp_b"]
    marks.clear("swp_b")
    assert marks.sweeps() == ["swp_a"]


def test_one_at_a_time_holds_a_mark(tmp_path: Path) -> None:
    marks, other = Leftovers(tmp_path), Leftovers(tmp_path)
    with marks.held("swp_a") as mine:
        assert not mine, "there is no such mark"
    marks.mark("swp_a")
    with marks.held("swp_a") as mine, other.held("swp_a") as theirs:
        assert (mine, theirs) == (True, False)
    with other.held("swp_a") as theirs:
        assert theirs
