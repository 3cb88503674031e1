from __future__ import annotations

import json
from pathlib import Path

import numpy as np

from benchmarks.training.texts import made_up, rows


def test_the_rows_of_a_file_are_taken_in_their_order(tmp_path: Path) -> None:
    file = tmp_path / "train.jsonl"
    told = [{"question": f"q{i}", "answer": f"a{i}"} for i in range(3)]
    file.write_text("".join(json.dumps(row) + "\n" for row in told))
    found, said = rows(2, file)
    assert found == [{"prompt": f"q{i}\n", "completion": f"a{i}"} for i in range(2)]
    assert said == "the first 2 rows of GSM8K"


def test_without_the_file_rows_are_made_up(tmp_path: Path) -> None:
    found, said = rows(7, tmp_path / "none.jsonl")
    assert len(found) == 7
    assert "made-up" in said


def test_made_up_rows_have_the_lengths_of_gsm8k() -> None:
    """Means and deviations of the logarithms of words, as measured on its 7,473 rows."""
    made = made_up(3000)
    asked, answered = (
        np.log([len(row[name].split()) for row in made]) for name in ("prompt", "completion")
    )
    assert abs(asked.mean() - 3.74) < 0.03
    assert abs(asked.std() - 0.37) < 0.03
    assert abs(answered.mean() - 3.81) < 0.04
    assert abs(answered.std() - 0.54) < 0.04
    assert abs(np.corrcoef(asked, answered)[0, 1] - 0.49) < 0.06
    assert made_up(5) == made_up(5)
