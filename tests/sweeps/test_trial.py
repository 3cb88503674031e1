from __future__ import annotations

import pytest
from stories import make_report

from sweeps.trial import BatchCut, Report, Trial, TrialRecord, trial_id, trial_uuid

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


CUT = BatchCut(
    effective_batch_size=64, devices=1, per_device_train_batch_size=8, gradient_accumulation_steps=8
)


def test_a_cut_says_what_was_derived_and_whether_it_changed() -> None:
    assert CUT.sentence() == "up to 8 examples x 8 passes x 1 devices, 64 samples a step"
    halved = CUT.model_copy(update={"halvings": 1, "packed_tokens": 4096})
    assert "(4,096 tokens, packed)" in halved.sentence()
    assert "memory ran out once" in halved.sentence()
    assert "stays comparable" in halved.sentence()
    assert "2 times" in CUT.model_copy(update={"halvings": 2}).sentence()
    assert CUT.metrics()["batch/per_device_train_batch_size"] == 8.0
    assert "batch/packed_tokens" not in CUT.metrics()


def test_passes_may_vary_while_the_micro_batch_is_the_same() -> None:
    assert CUT.same_micro_batch(CUT.model_copy(update={"gradient_accumulation_steps": 5}))
    assert not CUT.same_micro_batch(CUT.model_copy(update={"halvings": 1}))


@pytest.mark.parametrize("name", ["cut", "saves"])
def test_reports_from_before_there_was_such_a_field_are_read_as_they_were(name: str) -> None:
    report = make_report(3)
    old = report.model_dump(mode="json")
    del old[name]
    assert Report.model_validate(old) == report
    told = report.model_copy(update={"cut": CUT})
    assert Report.model_validate_json(told.model_dump_json()) == told
