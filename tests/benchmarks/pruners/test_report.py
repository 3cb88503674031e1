from __future__ import annotations

from benchmarks.pruners import report
from benchmarks.pruners.targets import OURS, PEER, Line, Point

OUR = Point(OURS, "early_dynamics", OURS, 0.3, 0.01, 0.95, 0.9, time=0.4, risk=0.1)
BOUNDS = {"compute": (0.2, 0.4), "best_kept": (0.5, 1.0)}
RAY = Point("ray_tune", "ray ASHA", PEER, 0.2, 0.1234, 0.5, 0.4, time=0.3, interval=BOUNDS)


def test_a_data_set_is_a_table_with_ours_first() -> None:
    lines = report.tables({"d": [RAY, OUR]}, {"d": "2 sweeps."}).splitlines()
    assert lines[:3] == ["### d", "", "2 sweeps."]
    assert lines[6] == "| early_dynamics, risk 0.1 | sweepctl | 0.30 | 0.010 | 0.95 | 0.90 | 0.40 |"
    assert lines[7] == "| ray ASHA | ray tune | 0.20 [0.20, 0.40] | 0.123 | 0.50 | 0.40 | 0.30 |"


def test_a_demand_says_whether_it_was_met() -> None:
    lines = [Line("a", "d", True, "x"), Line("b", "d", False, "y"), Line("c", "d", None, "z")]
    cells = [line.split(" | ")[2] for line in report.demands(lines).splitlines()[2:]]
    assert cells == ["met", "**not met**", "told"]


def test_rows_have_the_interval_as_bounds() -> None:
    rows = report.rows({"d": [RAY, OUR]}, {"d": 7})
    compute = next(row for row in rows if row.subject == "ray ASHA" and row.figure == "compute")
    assert (compute.median, compute.min, compute.max, compute.n) == (0.2, 0.2, 0.4, 7)
    ours = [row for row in rows if row.subject == "sweepctl"]
    assert {row.case for row in ours} == {"d, risk 0.1"}
    assert {row.figure for row in ours} == {row.figure for row in rows}


def test_the_page_names_its_command_and_time() -> None:
    page = report.page("BODY", "ASKED", "make it", 12.4, "images/p.png")
    for text in ("make it", "12 s", "BODY", "ASKED", "(images/p.png)"):
        assert text in page
