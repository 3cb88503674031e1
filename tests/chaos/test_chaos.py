"""Short storms, in which every kind of fault hits once. `make chaos` is the long one."""

from __future__ import annotations

import ipaddress
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

from sweeps.journal import Entry, Reported
from tests.chaos import seen
from tests.chaos.alone import alone
from tests.chaos.outcome import Numbers, Outcome
from tests.chaos.run import APART, TOGETHER, Plan, Scene, Verdict, storm, undisturbed
from tests.chaos.shared import TORN, Shared
from tests.chaos.specs import Size, grid
from tests.chaos.tally import Tally, audit, compare, paid_once, promised
from tests.chaos.world import World, world
from workers.checkpoints import CheckpointFolder
from workers.order import shared_folder

pytestmark = [
    pytest.mark.timeout(600),
    pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc"),
]
SIZE = Size(trials=2, steps=12, step_seconds=0.25, points=4, parallel=1)
# An agent takes its driver along, and a node those who train on it: with them alone every part dies
# once, and is waited for once.
EVERY_PART = ("service", "mlflow", "postgres", "node", "agent")


def plan(size: Size, scene: Scene) -> Plan:
    """Every fault once, in quick succession."""
    return Plan(1, 1, size, pauses=(0.1, 0.5), outage=0.2, scenes=(scene,))


@pytest.fixture(scope="module")
def there(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with world(tmp_path_factory.mktemp("chaos")) as found:
        yield found


@pytest.fixture(scope="module")
def quiet(tmp_path_factory: pytest.TempPathFactory) -> Numbers:
    return alone(grid(SIZE.quiet), tmp_path_factory.mktemp("alone"))


@pytest.fixture(scope="module")
def verdict(there: World, quiet: Numbers) -> Verdict:
    scene = replace(APART, others=(), kinds=EVERY_PART)
    return storm(there, plan(SIZE, scene), [quiet], Tally(), print)


def listeners(there: World) -> set[str]:
    """The addresses on which anything of this world listens."""
    found = set()
    for pid in seen.marked(there.mark):
        for one in psutil.Process(pid).net_connections("inet"):
            if one.status == psutil.CONN_LISTEN:
                found.add(str(one.laddr.ip))
    return found


def test_a_storm_costs_nothing(verdict: Verdict) -> None:
    assert verdict.hits == dict.fromkeys(EVERY_PART, 1)
    assert verdict.line == f"faults={len(EVERY_PART)} lost=0 duplicated=0 differing=0"


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
    ("differing", lambda one: replace(one, shared={"phase1-a/step-00000003": {TORN}})),
]


@pytest.mark.parametrize(("kind", "doctor"), DOCTORED)
def test_the_tally_sees(
    quiet: Numbers, verdict: Verdict, kind: str, doctor: Callable[[Outcome], Outcome]
) -> None:
    tally, doctored = Tally(), doctor(verdict.outcomes[0])
    audit(doctored, tally)
    compare(quiet, doctored.numbers, tally)
    assert getattr(tally, kind), tally.lines()


def test_the_tally_sees_a_shared_checkpoint_that_is_torn(quiet: Numbers) -> None:
    held, tally = {"phase1-a/step-00000003": {"a digest"}}, Tally()
    compare(replace(quiet, shared=held), replace(quiet, shared=held), tally)
    assert tally.clean
    torn = {name: {*digests, TORN} for name, digests in held.items()}
    compare(replace(quiet, shared=held), replace(quiet, shared=torn), tally)
    assert len(tally.differing) == 1


def test_the_tally_sees_an_acknowledged_entry_that_is_gone_or_another(verdict: Verdict) -> None:
    found, tally = verdict.outcomes[0], Tally()
    promised(found.entries, replace(found, entries=without(found, "attempt_ended")), tally)
    assert len(tally.lost) == 1
    promised(found.entries, replace(found, entries=other_verdict(found)), tally)
    assert len(tally.differing) == 1


def test_a_shared_checkpoint_is_seen_as_it_was_before_it_went(tmp_path: Path) -> None:
    folder = CheckpointFolder(shared_folder(tmp_path) / "phase1-a")
    left = folder.write(3, lambda draft: (draft / "model.safetensors").write_text("w") and None)
    seen_ = Shared(tmp_path)
    seen_.look()
    ((name, whole),) = seen_.held.items()
    assert name == "phase1-a/step-00000003"
    assert TORN not in whole
    (left / "model.safetensors").write_text("x")
    again = Shared(tmp_path)
    again.look()
    assert again.held == {name: {TORN}}


def test_the_tally_sees_a_shared_phase_that_nobody_left(verdict: Verdict) -> None:
    """None of a grid's trials took anything over, and all of them trained."""
    tally = Tally()
    paid_once(verdict.outcomes[0], tally)
    assert tally.duplicated == ["the shared phase was trained by the trials [0, 1]"]
    assert len(tally.lost) == 1


@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("scene", [APART, TOGETHER], ids=["apart", "together"])
def test_a_storm_of_every_kind_costs_nothing(there: World, scene: Scene) -> None:
    asked, tally = plan(Size(trials=4, shared_steps=200), scene), Tally()
    said = storm(there, asked, list(undisturbed(there, asked, tally)), tally, print)
    assert said.tally.clean, said.tally.lines()
    assert set(said.hits) == {*scene.kinds, *scene.sharing}
    assert said.hits_sharing == Counter(scene.sharing)
