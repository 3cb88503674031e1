from __future__ import annotations

from datetime import UTC, datetime, timedelta

from service.schemas import Accepted
from sweepctl import text

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


def test_numbers_keep_absent_and_nan_apart() -> None:
    assert text.number(None) == "-"
    assert text.number(float("nan")) == "nan"
    assert text.number(float("inf")) == "inf"
    assert text.number(0.0) == "0"
    assert text.number(1.23456789) == "1.235"


def test_counts_and_shares() -> None:
    assert text.count(1234567) == "1,234,567"
    assert text.count(None) == "-"
    assert text.share(0.4371) == "43.7 %"
    assert text.share(None) == "-"


def test_configurations() -> None:
    assert text.params({"learning_rate": 1e-5, "global_batch_size": 16}) == (
        "learning_rate=1e-05 global_batch_size=16"
    )
    assert text.params({}) == "-"


def test_states_without_members_are_left_out() -> None:
    assert text.states({"DONE": 3, "FAILED": 0, "RUNNING": 1}) == "3 DONE, 1 RUNNING"
    assert text.states({}) == "none"


def test_ages_have_one_unit() -> None:
    for seconds, said in [(0, "0s"), (119, "119s"), (120, "2m"), (7200, "2h"), (200_000, "2d")]:
        assert text.age(NOW - timedelta(seconds=seconds), NOW) == said
    assert text.age(None) == "-"
    assert text.age(NOW + timedelta(seconds=5), NOW) == "0s", "clocks differ"


def test_moments_are_utc() -> None:
    assert text.moment(NOW) == "2026-01-02T03:04:05Z"
    assert text.moment(None) == "-"


def test_short_ids_can_be_typed() -> None:
    assert text.short("swp_" + "a1" * 16) == "swp_a1a1a1a1"


def test_a_command_is_done_or_waits() -> None:
    done = Accepted(id="cmd", kind="pause", applied=True, state="PAUSED")
    assert text.outcome(done) == "done; the sweep is PAUSED"
    waits = done.model_copy(update={"applied": False, "state": "RUNNING"})
    assert text.outcome(waits) == "taken; it waits for the sweep's driver; the sweep is RUNNING"
