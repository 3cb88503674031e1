from __future__ import annotations

import json
import math

import pytest

from workers.bring.lines import LONGEST, LineError, MetricsLine, RankLine, StepLine, read_line

SMALLEST = b'{"step": 1, "loss": 0.5, "learning_rate": 0.1}'


def test_a_line_is_of_the_kind_of_its_word() -> None:
    assert read_line(SMALLEST) == StepLine(step=1, loss=0.5, learning_rate=0.1)
    assert read_line(b'{"rank": 3}') == RankLine(rank=3)
    assert read_line(b'{"metrics": {"eval_loss": 1}}') == MetricsLine(metrics={"eval_loss": 1.0})
    both = read_line(SMALLEST[:-1] + b', "metrics": {"a": 1}}')
    assert isinstance(both, StepLine)


@pytest.mark.parametrize("loss", ["NaN", '"NaN"', "Infinity", '"-Infinity"'])
def test_what_is_not_finite_arrives(loss: str) -> None:
    line = read_line(f'{{"step": 1, "loss": {loss}, "learning_rate": 0.1}}'.encode())
    assert isinstance(line, StepLine)
    assert not math.isfinite(line.loss)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (b"", "this is no JSON"),
        (b"null", "no object with one of step, rank, saved, metrics"),
        (b'{"loss": 1}', "no object with one of"),
        (b'{"step": 1, "loss": 0.5}', "/learning_rate"),
        (SMALLEST[:-1] + b', "grad_nrm": 1}', "/grad_nrm"),
        (b'{"rank": -1}', "/rank"),
        (b'{"metrics": {"": 1}}', "/metrics"),
        (b" " * (LONGEST + 1), "more than"),
        (b"[" * LONGEST, "this is no JSON"),
    ],
)
def test_what_is_no_line_is_shown_with_what_is_wrong(text: bytes, message: str) -> None:
    with pytest.raises(LineError, match=message) as error:
        read_line(text)
    assert len(str(error.value)) < 1000


def test_a_secret_in_a_line_is_not_shown() -> None:
    line = json.dumps({"token": "hf_" + "aB3dE6gH9" * 4})
    with pytest.raises(LineError) as error:
        read_line(line.encode())
    assert "aB3dE6gH9aB3dE6gH9" not in str(error.value)
