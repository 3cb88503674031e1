from __future__ import annotations

import pytest
from stories import Script, make_spec

from sweeps.errors import JournalError
from sweeps.journal import Story
from sweeps.pruners.base import horizon_of, run_of


def test_the_horizon_is_what_the_first_driver_found() -> None:
    assert horizon_of(make_spec(), Script(horizon=77).story) == 77
    assert horizon_of(make_spec(), Story()) == 1000


def test_epochs_without_a_prepared_entry_are_an_error() -> None:
    with pytest.raises(JournalError, match="prepared"):
        horizon_of(make_spec(horizon={"epochs": 1}), Story())


def test_the_run_of_a_configuration() -> None:
    run = run_of(make_spec(), Script().story, {"global_batch_size": 30, "warmup_steps": 3})
    assert (run.horizon, run.points, run.steps, run.warmup_samples) == (1000, 10, 34, 90)
