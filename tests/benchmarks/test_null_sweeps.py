from __future__ import annotations

import pytest

from benchmarks.null_sweeps import declared, main


def test_equal_configurations_have_few_winners_and_a_better_one_is_found() -> None:
    rate, _ = declared([0.0, 0.0], [1.0, 1.0], 3, 1000)
    assert 0 < rate < 0.08
    won, first = declared([0.0, 50.0, 50.0], [1.0] * 3, 3, 200)
    assert won == first > 0.95


def test_it_prints_its_tables(capsys: pytest.CaptureFixture[str]) -> None:
    main(20)
    lines = capsys.readouterr().out.splitlines()
    assert sum(line.startswith("| ") for line in lines) == 2 + 7 + 3 + 1 + 5
