"""A service with sweeps in every state, for tests of the command line."""

from __future__ import annotations

import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from stories import Script, make_report, plain
from typer.testing import Result

from service.client import Client
from service.errors import ServiceError
from service.schemas import ClaimRequest, Lease, SweepDetail, Trial
from sweeps.journal import CommandApplied
from sweeps.lifecycle import AttemptEnd, TrialState
from sweeps.trial import Action, Evidence, Role, Verdict

Cli = Callable[..., Result]
NAN = float("nan")
PRUNED = Verdict(
    action=Action.STOP,
    reason="median",
    message="Its eval_loss is worse than the median of its cohort.",
    evidence=Evidence(signal="eval_loss", value=2.5, cutoff=1.25, peers=[0, 1, 2]),
)
BROKEN = Verdict(
    action=Action.STOP, reason="non_finite_loss", message="The loss is not a finite number."
)


@dataclass
class Service:
    """A running service with its two tokens."""

    url: str
    folder: Path
    user: str = "user-token-of-the-tests"
    agent: str = "agent-token-of-the-tests"
    sweeps: dict[str, SweepDetail] = field(default_factory=dict)

    def client(self, token: str | None = None) -> Client:
        return Client(self.url, token or self.user)

    def submit(self, name: str, pool: str | None = None, **changes: Any) -> SweepDetail:
        """A sweep that only an agent of its own pool claims."""
        data = plain(resources={"pool": pool or name}, **changes)
        data["metadata"] = {"name": name, "project": "tests"}
        with self.client() as client:
            return client.create_sweep(data)

    def claim(self, pool: str) -> Lease:
        request = ClaimRequest(agent=f"agent-{pool}", pool=pool, slots=2, recipes=["sft"])
        with self.client(self.agent) as client:
            lease = client.claim(request)
        assert lease is not None
        return lease

    def tell(self, lease: Lease, script: Script, end: str | None = None, message: str = "") -> None:
        """Journal the script's entries and finish the sweep when `end` is given."""
        with self.client(self.agent) as client:
            client.append(lease.sweep, lease.token, script.entries)
            if end is not None:
                client.finish(lease.sweep, lease.token, end, message)


def wait_ready(made: Service, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + 30
    while True:
        try:
            with Client(made.url, timeout=1, retries=0) as client:
                client.ready()
            return
        except ServiceError:
            assert process.poll() is None, log.read_text()
            assert time.monotonic() < deadline, log.read_text()
            time.sleep(0.1)


def populate(service: Service) -> None:
    """One sweep for each state."""
    keep = service.sweeps
    keep["done"] = service.submit("done", pruning={"type": "median"})
    service.tell(service.claim("done"), done_script(), "DONE")
    keep["failed"] = service.submit("failed")
    service.tell(service.claim("failed"), failed_script(), "FAILED", "every trial failed")
    keep["running"] = service.submit("running")
    service.tell(service.claim("running"), running_script())
    keep["paused"] = service.submit("paused")
    lease = service.claim("paused")
    with service.client() as client:
        command = client.pause(lease.sweep)
    script = Script()
    script.add(CommandApplied(command=command.id, kind="pause"))
    service.tell(lease, script, "PAUSED")
    keep["cancelled"] = service.submit("cancelled")
    with service.client() as client:
        client.cancel(keep["cancelled"].id)
    keep["queued"] = service.submit("queued", pool="empty")


def done_script() -> Script:
    """Five trials: three finished, one pruned, one that lost its loss."""
    script = Script()
    for final in (1.5, 1.0, 1.2):
        script.run(2.0, final, learning_rate=final / 10)
    script.stop(script.ask(learning_rate=0.25), 300, PRUNED)
    broken = script.ask(learning_rate=0.3)
    script.say(broken, make_report(1, losses=(2.0, NAN), guard="non_finite_loss"), BROKEN)
    script.end(broken, AttemptEnd.STOPPED, 100)
    return script


def failed_script() -> Script:
    script = Script()
    script.end(script.ask(), AttemptEnd.FAILED, 0, error="RuntimeError: no [memory]", gave_up=True)
    return script


def running_script() -> Script:
    """One trial finished, one runs and told NaN, one waits, one is parked."""
    script = Script()
    script.run(1.0)
    running = script.ask(learning_rate=0.2)
    script.say(running, make_report(4, NAN, losses=(NAN, NAN)))
    waiting = script.ask(learning_rate=0.3)
    script.end(waiting, AttemptEnd.LOST, 0, error="the worker vanished")
    parked = script.ask(learning_rate=0.4)
    script.end(parked, AttemptEnd.PAUSED, 100)
    return script


def until(holds: Callable[[], bool], seconds: float = 15.0) -> None:
    """Return once it holds; fail when it does not in time."""
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, "it did not come true in time"
        time.sleep(0.02)


SPEC = """\
apiVersion: sweeps/v1
kind: Sweep
metadata: {name: written}
spec:
  workload:
    model: {tiny: llama}
    data: {train: a.jsonl, eval: b.jsonl}
  parameters:
    global_batch_size: {values: [10]}
    learning_rate:
      values: [0.1, 0.2]
  method: {type: grid}
  metric: {name: eval_loss, goal: minimize}
  horizon: {samples: 1000}
  report: {points: 10}
  resources: {pool: nobody}
"""


@contextmanager
def finish_when_there(service: Service, pool: str, state: str, message: str = "") -> Iterator[None]:
    """Meanwhile, claim the sweep of a pool as soon as it is there and finish it."""

    def drive() -> None:
        request = ClaimRequest(agent="late", pool=pool, slots=1, recipes=["sft"])
        deadline = time.monotonic() + 20
        with service.client(service.agent) as client:
            while (lease := client.claim(request)) is None:
                if time.monotonic() > deadline:
                    return
                time.sleep(0.1)
            client.finish(lease.sweep, lease.token, state, message)

    thread = threading.Thread(target=drive)
    thread.start()
    try:
        yield
    finally:
        thread.join()


def make_trial(number: int, **changes: Any) -> Trial:
    """A trial as the service lists it; `changes` replace its fields."""
    now = datetime.now(UTC)
    fields: dict[str, Any] = {
        "id": f"trl_{number:032x}",
        "sweep_id": "swp_" + "0" * 32,
        "number": number,
        "role": Role.SEARCH,
        "params": {"learning_rate": 0.1},
        "seed": 0,
        "state": TrialState.RUNNING,
        "reason": None,
        "attempts": 1,
        "point": None,
        "samples": 0,
        "value": None,
        "loss": None,
        "grad_norm": None,
        "created_at": now,
        "updated_at": now,
        **changes,
    }
    return Trial(**fields)


def heed_ctrl_c() -> None:
    """A `preexec_fn`: a suite that was started in the background has SIGINT ignored, and children
    inherit that; on a terminal it is not so."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)
