from __future__ import annotations

import io
from datetime import timedelta
from typing import Any

import pytest
from asking import Service, make_trial
from rich.console import Console

from service.schemas import SweepDetail, Trial
from sweepctl.board import board, header, progress
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


def drawn(view: Any) -> str:
    out = io.StringIO()
    Console(file=out, width=200, color_system=None).print(view)
    return out.getvalue()


def ended(number: int, minutes: int) -> Trial:
    trial = make_trial(number, state=TrialState.DONE)
    later = trial.updated_at + timedelta(minutes=minutes)
    return trial.model_copy(update={"updated_at": later})


def test_it_shows_counts_best_and_bars(sweep: SweepDetail, result: Result) -> None:
    trial = make_trial(4, samples=500, loss=1.5, grad_norm=0.25, value=float("nan"))
    shown = drawn(board(sweep, [trial], result, None))
    assert "trials: 3 DONE, 2 STOPPED | best eval_loss: 1 (trial 1) | compute saved: " in shown
    row = next(line for line in shown.splitlines() if line.startswith("4"))
    for part in ("RUNNING", " 50 %", "0.1", "1.5", "0.25", "nan"):
        assert part in row
    assert "━" in row


def test_what_runs_is_kept_on_a_small_screen(sweep: SweepDetail, result: Result) -> None:
    trials = [ended(0, 1), ended(1, 2), make_trial(2), make_trial(3, state=TrialState.PENDING)]
    lines = drawn(board(sweep, trials, result, 3)).splitlines()
    assert [line.split()[0] for line in lines[-4:]] == ["1", "2", "3", "and"]
    assert lines[-1] == "and 1 more"
    assert "more" not in drawn(board(sweep, trials, result, None))


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
