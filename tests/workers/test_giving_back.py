from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from service.errors import StaleLease, Unreachable
from service.schemas import Lease
from workers import giving_back
from workers.giving_back import GROWN_SECONDS, GivingBack
from workers.settings import WorkerSettings

SWEEP = "swp_" + "0" * 32


class Service:
    """What it was told; `refuses` is raised by every call."""

    def __init__(self) -> None:
        self.told: list[tuple[Any, ...]] = []
        self.refuses: Exception | None = None

    def release(self, *told: Any) -> None:
        self._hear("release", *told)

    def finish(self, *told: Any) -> None:
        self._hear("finish", *told)

    def _hear(self, *told: Any) -> None:
        self.told.append(told)
        if self.refuses is not None:
            raise self.refuses


@pytest.fixture
def service() -> Service:
    return Service()


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The time, as its only item."""
    now = [0.0]
    monkeypatch.setattr(giving_back.time, "monotonic", lambda: now[0])
    return now


@pytest.fixture
def back(service: Service, tmp_path: Path, clock: list[float]) -> GivingBack:
    settings = WorkerSettings(storage=tmp_path, poll_seconds=1.0, driver_crashes=3)
    return GivingBack(settings, service)  # type: ignore[arg-type]


def lease(token: int = 1) -> Lease:
    fields = {"sweep": SWEEP, "spec": {}, "state": "RUNNING", "token": token, "slots": 1}
    more = {"expires_in": 30, "renew_every": 5, "commands": [], "tracking": None}
    return Lease.model_validate({**fields, **more})


def released(back: GivingBack, service: Service, clock: list[float], at: float) -> bool:
    """Whether a lease goes back at this time."""
    clock[0], before = at, len(service.told)
    back.release_due()
    return len(service.told) > before


def test_one_that_came_through_goes_back_at_once(back: GivingBack, service: Service) -> None:
    back.came_through(lease())
    assert service.told == [("release", SWEEP, 1)]


def test_a_crash_waits_longer_each_time_until_the_sweep_has_failed(
    back: GivingBack, service: Service, clock: list[float], tmp_path: Path
) -> None:
    back.crashed(lease(), 0.0)
    assert not released(back, service, clock, 1.9)
    assert released(back, service, clock, 2.0)
    back.crashed(lease(), 0.0)
    assert not released(back, service, clock, 5.9)
    assert released(back, service, clock, 6.0)
    log = tmp_path / "sweeps" / SWEEP / "driver.log"
    log.parent.mkdir(parents=True)
    log.write_bytes(b"x" * 5000 + b"\xff the end")
    back.crashed(lease(), 0.0)
    what, sweep, token, state, message = service.told[-1]
    assert (what, sweep, token, state) == ("finish", SWEEP, 1, "FAILED")
    assert message.startswith("Its driver ended 3 times in a row:\nxxx")
    assert message.endswith("\ufffd the end")
    assert len(message) < 2000


def test_without_a_log_it_says_so(back: GivingBack, service: Service) -> None:
    for _ in range(3):
        back.crashed(lease(), 0.0)
    assert "could not be read" in service.told[-1][-1]


def test_a_driver_that_lived_long_is_not_counted_with_those_before(
    back: GivingBack, service: Service
) -> None:
    for lived in (0.0, 0.0, GROWN_SECONDS, 0.0):
        back.crashed(lease(), lived)
    assert service.told == []


def test_nor_is_one_that_came_through(back: GivingBack, service: Service) -> None:
    back.crashed(lease(), 0.0)
    back.crashed(lease(), 0.0)
    back.came_through(lease())
    back.crashed(lease(), 0.0)
    assert service.told == [("release", SWEEP, 1)]


def test_a_full_disk_is_waited_for_and_never_counted(
    back: GivingBack, service: Service, clock: list[float]
) -> None:
    for round_ in range(1, 6):
        back.wait_for_room(lease())
        assert not released(back, service, clock, 15.0 * round_ - 0.1)
        assert released(back, service, clock, 15.0 * round_)


def test_at_the_end_all_that_are_held_go_back(back: GivingBack, service: Service) -> None:
    back.crashed(lease(1), 0.0)
    back.wait_for_room(lease(2))
    back.release_held()
    assert service.told == [("release", SWEEP, 1), ("release", SWEEP, 2)]


def test_a_service_that_refuses_or_is_away_is_no_matter(back: GivingBack, service: Service) -> None:
    service.refuses = StaleLease("another driver has it")
    back.came_through(lease())
    service.refuses = Unreachable("away")
    for _ in range(3):
        back.crashed(lease(), 0.0)
    assert [told[0] for told in service.told] == ["release", "finish"]
