"""A short storm: every kind of component is hit once. `make chaos` is the long one."""

from __future__ import annotations

import ipaddress
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace

import psutil
import pytest

from sweeps.journal import Entry, Reported
from tests.chaos import seen
from tests.chaos.faults import AIMS, freeze
from tests.chaos.outcome import Outcome, gather
from tests.chaos.run import Verdict, Watch, storm
from tests.chaos.specs import Size, grid
from tests.chaos.storm import Plan
from tests.chaos.tally import Tally, audit, compare, promised
from tests.chaos.world import World, world

pytestmark = [
    pytest.mark.timeout(600),
    pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc"),
]
# A frozen driver has a test of its own below.
KINDS = tuple(kind for kind in AIMS if kind != "frozen")
SIZE = Size(trials=4, steps=12, step_seconds=0.25, points=4, parallel=1)


@pytest.fixture(scope="module")
def there(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with world(tmp_path_factory.mktemp("chaos")) as found:
        yield found


@pytest.fixture(scope="module")
def verdict(there: World) -> Verdict:
    return storm(there, Plan(1, len(KINDS), SIZE, (0.1, 0.5), KINDS), print)


def listeners(there: World) -> set[str]:
    """The addresses on which anything of this world listens."""
    found = set()
    for pid in seen.marked(there.mark):
        for one in psutil.Process(pid).net_connections("inet"):
            if one.status == psutil.CONN_LISTEN:
                found.add(str(one.laddr.ip))
    return found


def test_a_storm_costs_nothing(verdict: Verdict) -> None:
    assert verdict.hits == dict.fromkeys(KINDS, 1)
    assert verdict.line == f"faults={len(KINDS)} lost=0 duplicated=0 differing=0"


def test_nothing_listens_beyond_loopback(there: World, verdict: Verdict) -> None:
    found = [ipaddress.ip_address(one.removeprefix("::ffff:")) for one in listeners(there)]
    assert found
    assert all(address.is_loopback for address in found), found


def without(found: Outcome, kind: str) -> list[Entry]:
    """The journal up to the last entry of a kind, that one left out."""
    last = max(k for k, entry in enumerate(found.entries) if entry.body.type == kind)
    return found.entries[:last]


def other_verdict(found: Outcome) -> list[Entry]:
    """The journal with its first report judged otherwise."""
    entries = list(found.entries)
    first = next(k for k, entry in enumerate(entries) if entry.body.type == "report")
    body = entries[first].body
    assert isinstance(body, Reported)
    changed = body.verdict.model_copy(update={"message": "For no reason."})
    body = body.model_copy(update={"verdict": changed})
    entries[first] = entries[first].model_copy(update={"body": body})
    return entries


def changed_points(found: Outcome, *values: float) -> dict[tuple[int, str, int], Counter[str]]:
    """The loss of trial 0 at its first step with other values, none: gone."""
    there = {place: found.points[place] for place in found.points if place != (0, "loss", 16)}
    return there | ({(0, "loss", 16): Counter(v.hex() for v in values)} if values else {})


DOCTORED: list[tuple[str, Callable[[Outcome], Outcome]]] = [
    ("lost", lambda one: replace(one, points=changed_points(one))),
    ("duplicated", lambda one: replace(one, points=changed_points(one, 2.1, 2.1))),
    ("differing", lambda one: replace(one, points=changed_points(one, 2.0))),
    ("differing", lambda one: replace(one, finals={**one.finals, 0: "0x1p+0"})),
    ("lost", lambda one: replace(one, finals={})),
    ("lost", lambda one: replace(one, runs={k: v for k, v in one.runs.items() if k})),
    ("duplicated", lambda one: replace(one, runs={k: v * 2 for k, v in one.runs.items()})),
    ("duplicated", lambda one: replace(one, reports={k: v * 2 for k, v in one.reports.items()})),
    ("lost", lambda one: replace(one, reports={})),
    ("duplicated", lambda one: replace(one, entries=[*one.entries, one.entries[-1]])),
    ("differing", lambda one: replace(one, entries=other_verdict(one))),
    ("differing", lambda one: replace(one, parents=one.parents * 2)),
]


@pytest.mark.parametrize(("kind", "doctor"), DOCTORED)
def test_the_tally_sees(verdict: Verdict, kind: str, doctor: Callable[[Outcome], Outcome]) -> None:
    quiet, found = verdict.outcomes[:2]
    tally, doctored = Tally(), doctor(found)
    audit(doctored, tally)
    compare(quiet, doctored, tally)
    assert getattr(tally, kind), tally.lines()


def test_the_tally_sees_an_acknowledged_entry_that_is_gone_or_another(verdict: Verdict) -> None:
    found, tally = verdict.outcomes[1], Tally()
    promised(found.entries, replace(found, entries=without(found, "attempt_ended")), tally)
    assert len(tally.lost) == 1
    promised(found.entries, replace(found, entries=other_verdict(found)), tally)
    assert len(tally.differing) == 1


@pytest.mark.slow
def test_a_driver_that_was_only_slow_ends_itself_and_nothing_of_it_lands(there: World) -> None:
    sweep = Watch(there, grid(replace(SIZE, parallel=2)))
    there.wait(lambda: any(one.sweep == sweep.id for one in there.training()), 120, "no training")
    (driver,) = (one for one in there.driving() if one.sweep == sweep.id)
    assert "code 75" in freeze(there, driver)
    there.wait(sweep.over, 300, "the sweep did not end")
    tally = Tally()
    found = gather(there, sweep.id)
    audit(found, tally)
    assert tally.clean, tally.lines()
