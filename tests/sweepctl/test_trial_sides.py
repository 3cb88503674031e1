from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from asking import Service, make_trial
from stories import make_report

from service.client import Client
from service.schemas import Attempt, ReportLine, SweepDetail, TrialDetail
from sweepctl.trial_sides import compare_trials
from sweeps.lifecycle import TrialState
from sweeps.trial import GO_ON, Report

NOW = datetime.now(UTC)


@pytest.fixture
def client(service: Service) -> Iterator[Client]:
    with service.client() as made:
        yield made


@pytest.fixture
def sweep(client: Client, service: Service) -> SweepDetail:
    return client.get_sweep(service.sweeps["done"].id)


def other(sweep: SweepDetail, **changes: Any) -> SweepDetail:
    """Another sweep with fields of its spec block replaced."""
    spec = {"spec": {**sweep.spec["spec"], **changes}}
    return sweep.model_copy(update={"id": "swp_" + "1" * 32, "name": "other", "spec": spec})


def detail(number: int, *reports: Report, **changes: Any) -> TrialDetail:
    lines = [ReportLine(attempt=1, at=NOW, report=one, verdict=GO_ON) for one in reports]
    ended = Attempt(
        number=1, started_at=NOW, ended_at=NOW, ended="lost", samples=250, seconds=2.0, error=None
    )
    again = ended.model_copy(update={"number": 2, "ended": "finished", "samples": 1000})
    trial = make_trial(number, **changes)
    return TrialDetail(**trial.model_dump(), history=[ended, again], reports=lines)


def test_lost_attempts_count_as_compute(sweep: SweepDetail) -> None:
    found = compare_trials([detail(0), detail(1)], [sweep, sweep])
    assert [side.samples_run for side in found.trials] == [1250, 1250]
    assert [side.seconds for side in found.trials] == [4.0, 4.0]


def test_a_final_has_its_error_and_only_at_the_end(sweep: SweepDetail) -> None:
    last = make_report(10, 0.5, metrics={"eval_loss_stderr": 0.1})
    done = detail(0, make_report(5, 0.4), last, state=TrialState.DONE)
    runs = detail(1, last)
    first, second = compare_trials([done, runs], [sweep, sweep]).trials
    assert (first.final, first.stderr, first.best) == (0.5, 0.1, 0.4)
    assert (second.final, second.stderr, second.best) == (None, None, 0.5)


def test_a_parameter_that_only_one_has_differs(sweep: SweepDetail) -> None:
    left = detail(0, params={"learning_rate": 0.1, "fp16": True, "seed": 1})
    right = detail(1, params={"learning_rate": 0.1, "fp16": 1, "warmup_steps": 0})
    found = compare_trials([left, right], [sweep, sweep])
    assert found.differ == ["fp16", "seed", "warmup_steps"]
    assert found.common == {"learning_rate": 0.1}


def test_the_same_point_of_two_sweeps_is_one_mark(sweep: SweepDetail) -> None:
    both = [detail(0, make_report(2)), detail(1, make_report(2, losses=(3.0, 3.0)))]
    (mark,) = compare_trials(both, [sweep, other(sweep)]).marks
    assert (mark.samples, mark.share, mark.loss) == (200, 0.2, [1.0, 3.0])


def test_other_horizons_meet_at_equal_samples_alone(sweep: SweepDetail) -> None:
    long = other(sweep, horizon={"samples": 2000})
    short_run = detail(0, *(make_report(point) for point in range(1, 11)))
    long_run = detail(1, *(make_report(point) for point in range(1, 11)))
    found = compare_trials([short_run, long_run], [sweep, long])
    assert [mark.samples for mark in found.marks] == [200, 400, 600, 800, 1000]
    assert found.notes == ["The horizons differ: only points at equal samples are shown."]


def test_epochs_meet_within_one_sweep_alone(sweep: SweepDetail) -> None:
    epochs = other(sweep, horizon={"epochs": 2})
    both = [detail(0, make_report(2)), detail(1, make_report(2))]
    (mark,) = compare_trials(both, [epochs, epochs]).marks
    assert (mark.samples, mark.share) == (None, 0.2)
    found = compare_trials(both, [epochs, sweep])
    assert found.marks == []
    assert "epochs" in found.notes[0]


def test_other_metrics_are_said_to_be_so(sweep: SweepDetail) -> None:
    score = sweep.metric.model_copy(update={"name": "score"})
    found = compare_trials(
        [detail(0), detail(1)], [sweep, sweep.model_copy(update={"metric": score})]
    )
    assert "cannot be compared" in found.notes[-1]
