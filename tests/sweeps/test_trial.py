from __future__ import annotations

import pytest
from stories import make_report

from sweeps.trial import Trial, TrialRecord, trial_id, trial_uuid

SWEEP = "swp_0123456789abcdef0123456789abcdef"


def test_a_trial_id_is_the_same_on_every_machine() -> None:
    assert trial_id(SWEEP, 7) == trial_id(SWEEP, 7)
    assert trial_id(SWEEP, 0) == "trl_" + trial_uuid(SWEEP, 0).hex
    # Pinned: ids are stored, so another version of the code must make the same ones.
    assert trial_id(SWEEP, 0) == "trl_0fef303490445e41b339353547304342"


def test_ids_differ_between_sweeps_and_numbers() -> None:
    other = "swp_" + "f" * 32
    ids = {trial_id(sweep, number) for sweep in (SWEEP, other) for number in range(200)}
    assert len(ids) == 400


def test_a_malformed_sweep_id_is_an_error() -> None:
    with pytest.raises(ValueError, match="badly formed"):
        trial_id("swp_xyz", 0)


def test_the_last_report_is_that_of_the_highest_point() -> None:
    record = TrialRecord(Trial(0, {}), "RUNNING")
    assert record.last_report is None
    record.reports = {7: make_report(7), 2: make_report(2)}
    assert record.last_report == make_report(7)
