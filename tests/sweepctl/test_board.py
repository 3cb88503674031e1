from __future__ import annotations

import io
from datetime import timedelta
from typing import Any

import pytest
from asking import Service, make_trial
from rich.console import Console

from service.schemas import SweepDetail, Trial
from sweepctl.board import board, header, progress
from sweepctl.feed import Signals
from sweeps.lifecycle import TrialState
from sweeps.result import Result


@pytest.fixture
def sweep(service: Service) -> SweepDetail:
    with service.client() as client:
        return client.get_sweep(service.sweeps["done"].id)


@pytest.fixture
def result(service: Service) -> Result:
    with service.client() as client:
        return client.result(service.sweeps["done"].id)


def paper(width: int = 200, encoding: str = "utf-8") -> Console:
    file = io.TextIOWrapper(io.BytesIO(), encoding=encoding, write_through=True)
    return Console(file=file, width=width, color_system=None)


def drawn(view: Any, on: Console | None = None) -> str:
    """Raises UnicodeEncodeError for what the encoding of the console lacks."""
    on = on or paper()
    on.print(view)
    file = on.file
    assert isinstance(file, io.TextIOWrapper)
    assert isinstance(file.buffer, io.BytesIO)
    return file.buffer.getvalue().decode(file.encoding)


def signals() -> Signals:
    made = Signals()
    made.loss = {4: {1: 2.0, 2: 1.0, 3: float("nan")}, 5: {1: 3.0}}
    made.grad_norm = {4: {1: 0.01, 2: 1.0, 3: 100.0}}
    return made


def ended(number: int, minutes: int) -> Trial:
    trial = make_trial(number, state=TrialState.DONE)
    later = trial.updated_at + timedelta(minutes=minutes)
    return trial.model_copy(update={"updated_at": later})


def test_it_shows_counts_best_and_bars(sweep: SweepDetail, result: Result) -> None:
    trial = make_trial(4, samples=500, loss=1.5, grad_norm=0.25, value=float("nan"))
    shown = drawn(board(sweep, [trial], result, Signals(), paper(), None))
    assert "lines: no reports yet" in shown
    assert "trials: 3 DONE, 2 STOPPED | best eval_loss: 1 (trial 1) | compute saved: " in shown
    row = next(line for line in shown.splitlines() if line.startswith("4"))
    for part in ("RUNNING", " 50 %", "0.1", "1.5", "0.25", "nan"):
        assert part in row
    assert "━" in row


def test_what_runs_is_kept_on_a_small_screen(sweep: SweepDetail, result: Result) -> None:
    trials = [ended(0, 1), ended(1, 2), make_trial(2), make_trial(3, state=TrialState.PENDING)]
    lines = drawn(board(sweep, trials, result, Signals(), paper(), 3)).splitlines()
    assert [line.split()[0] for line in lines[-4:]] == ["1", "2", "3", "and"]
    assert lines[-1] == "and 1 more"
    assert "more" not in drawn(board(sweep, trials, result, Signals(), paper(), None))


def test_both_signals_along_the_horizon(sweep: SweepDetail, result: Result) -> None:
    trials = [make_trial(4), make_trial(5)]
    shown = drawn(board(sweep, trials, result, signals(), paper(), None)).splitlines()
    four, five = (next(line for line in shown if line.startswith(n)) for n in "45")
    assert "▅▁×" in four, "one scale for all: 3 is the highest"
    assert "▁▅█" in four, "powers of ten are even steps"
    assert "█" in five
    assert shown[2] == "lines: loss 1 to 3; grad_norm 0.01 to 100, log scale; × is not finite"


@pytest.mark.parametrize("width", [40, 80, 100, 120, 200])
@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "utf-8"])
def test_it_fits_any_width_and_encoding(
    sweep: SweepDetail,
    result: Result,
    width: int,
    encoding: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    on = paper(width, encoding)
    monkeypatch.setattr("sys.stdout", on.file)
    trials = [make_trial(4, reason="pruned"), make_trial(5)]
    shown = drawn(board(sweep, trials, result, signals(), on, None), on)
    assert max(map(len, shown.splitlines())) <= width
    if width >= 120:
        rising = "▁▅█" if encoding == "utf-8" else "_=#"
        assert rising in shown
        assert ("×" if encoding == "utf-8" else "x") in shown


def test_progress_is_by_samples_else_by_points(sweep: SweepDetail) -> None:
    assert progress(sweep, make_trial(0, samples=250)) == 0.25
    assert progress(sweep, make_trial(0, samples=1010)) == 1.0
    assert progress(sweep, make_trial(0, state=TrialState.DONE)) == 1.0
    spec = {"spec": {**sweep.spec["spec"], "horizon": {"epochs": 2}}}
    epochs = sweep.model_copy(update={"spec": spec})
    assert progress(epochs, make_trial(0, samples=5, point=3)) == 0.3
    assert progress(epochs, make_trial(0)) == 0.0


def test_the_header_without_a_best(sweep: SweepDetail, result: Result) -> None:
    bare = result.model_copy(update={"best": None, "compute_saved": None})
    said = header(sweep.model_copy(update={"message": "why"}), bare)
    assert said[0] == f"done ({sweep.id[:12]}) DONE: why"
    assert "best eval_loss: none yet | compute saved: -" in said[1]
