"""All the real parts on loopback: PostgreSQL, service, MLflow, a Ray of two nodes, two agents, and
when it is wanted one of a pool in which two processes divide a trial."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import postgres
import psycopg
from mlflow_server import free_port
from running import ROOT, SUPPORT

from service.client import Client
from service.errors import ServiceError
from tests.chaos import seen
from tests.chaos.parts import Part
from tests.chaos.specs import PAIRS, write_phases
from workers.ray_head import RayHead

LEASE_SECONDS = 4.0
NODES = AGENTS = 2
# Kept from the stock settings: what was acknowledged must outlive `stop -m immediate`.
_DURABLE = "max_connections = 100\nshared_buffers = 32MB\n"
_FOREIGN = ("RAY_", "TUNE_", "SWEEP_", "MLFLOW_", "XDG_RUNTIME")
# Ray takes about 14 s to notice a dead node; here 3 s, so that more happens in the same time.
_HASTE = {
    "RAY_health_check_initial_delay_ms": "1000",
    "RAY_health_check_period_ms": "1000",
    "RAY_health_check_failure_threshold": "3",
    # Ray's own default is 15: beside other tests its workers would hardly get a turn.
    "RAY_worker_niceness": "0",
}


class World:
    """Everything that a sweep needs. Processes are found by a mark in their environment."""

    def __init__(self, folder: Path, database: postgres.Postgres, url: str) -> None:
        self.folder, self.database, self.url = folder, database, url
        self.mark = f"chaos-{os.getpid()}-{time.monotonic_ns()}"
        self.database_due: float | None = None
        kept = {k: v for k, v in os.environ.items() if not k.startswith(_FOREIGN)}
        paths = os.pathsep.join([str(ROOT), str(SUPPORT)])
        self._base = kept | {"PYTHONPATH": paths, "SWEEPCTL_CHAOS_MARK": self.mark}
        self.head = RayHead(cpus=0)
        # Its environment is also what every process needs to reach it.
        self.head.env |= {**_HASTE, "PYTHONPATH": paths, "SWEEPCTL_CHAOS_MARK": self.mark}
        self.service, self.mlflow = self._service(), self._mlflow()
        self.nodes = [self._node(k) for k in range(NODES)]
        self.agents = [self._agent(f"agent{k}") for k in range(AGENTS)]
        # What all outages are shortened by.
        self.outage = 1.0
        # The agent of the pool PAIRS, once a sweep is for it.
        self.dividing: list[Part] = []
        # The sweeps whose trials share a first phase, and the samples at which it ends.
        self.shared: dict[str, int] = {}
        self.client = Client(f"http://127.0.0.1:{self.service.port}", "user", retries=0)

    @property
    def tracking_uri(self) -> str:
        """Where MLflow is."""
        return f"http://127.0.0.1:{self.mlflow.port}"

    @property
    def data(self) -> Path:
        """Where the files of `write_phases` lie."""
        return self.folder / "data"

    @property
    def parts(self) -> list[Part]:
        """Every process that is started again when it ends."""
        return [self.service, self.mlflow, *self.nodes, *self.agents, *self.dividing]

    def start(self) -> None:
        """Start all; returns when all answer."""
        write_phases(self.data)
        self.service.start()
        self.mlflow.start()
        self.head.start(self.folder / "ray.log")
        for part in [*self.nodes, *self.agents]:
            part.start()
        self.wait(self._whole, 180, "the parts did not start")

    def serve(self, pool: str) -> None:
        """See to it that a pool has an agent."""
        if pool == PAIRS and not self.dividing:
            self.dividing = [self._agent("pairs", SWEEP_POOL=PAIRS, SWEEP_CPU_RANKS="2")]
            self.dividing[0].start()

    def stop(self) -> list[str]:
        """End all, agents first. Returns what had to be killed because nobody ended it."""
        for pid in seen.marked(self.mark):
            if seen.state(pid) == "T":
                os.kill(pid, signal.SIGCONT)
        for agent in [*self.agents, *self.dividing]:
            agent.end()
        for node in self.nodes:
            node.kill_all()
        self.head.stop()
        for part in (self.mlflow, self.service):
            part.kill()
        deadline = time.monotonic() + 10
        while left := list(seen.marked(self.mark)):
            if time.monotonic() > deadline:
                break
            time.sleep(0.1)
        names = [f"{pid} {seen.command(pid)}" for pid in left]
        for pid in left:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        return names

    def tend(self) -> None:
        """Start again what is due or ended by itself, as an init system would."""
        if self.database_due is not None and time.monotonic() >= self.database_due:
            self.database.start()
            self.database_due = None
        for part in self.parts:
            part.tend()

    def wait(self, there: Callable[[], bool], seconds: float, what: str) -> None:
        """Tend until it holds. Raises AssertionError when it does not in time."""
        deadline = time.monotonic() + seconds
        while not there():
            assert time.monotonic() < deadline, f"{what} within {seconds:g} s; see {self.folder}"
            self.tend()
            time.sleep(0.25)

    def calm(self) -> None:
        """Returns when everything runs and answers."""
        self.wait(self._whole, 120, "not everything came back")

    def database_refusal(self) -> str:
        """Why PostgreSQL takes no connection, "" when it does."""
        try:
            psycopg.connect(self.url.replace("+psycopg", ""), connect_timeout=2).close()
        except psycopg.OperationalError as error:
            return " ".join(str(error).split())[-200:]
        return ""

    def training(self) -> list[seen.Training]:
        """Who trains now."""
        return seen.training(self.mark)

    def sharing(self, one: seen.Training) -> bool:
        """Whether a trial is in the middle of a first phase that others wait for."""
        return 0 < one.samples < self.shared.get(one.sweep, 0)

    def ranks(self) -> list[int]:
        """The processes of the trial that is divided now."""
        return seen.ranks(self.mark)

    def driving(self) -> list[seen.Driving]:
        """Who drives now."""
        return seen.driving(self.mark)

    def agent_said(self, words: str) -> int:
        """How many lines of the agents' logs hold these words."""
        texts = [agent.log.read_text(errors="replace") for agent in self.agents]
        return sum(words in line for text in texts for line in text.splitlines())

    def _whole(self) -> bool:
        if not all(part.answers() for part in self.parts) or self.database_refusal():
            return False
        try:
            agents = [agent for pool in self.client.pools().items for agent in pool.agents]
        except ServiceError:
            return False
        wanted = len(self.agents) + len(self.dividing)
        return sum(agent.alive for agent in agents) >= wanted

    def _service(self) -> Part:
        port = free_port()
        env = self._base | {
            "SWEEP_DATABASE_URL": self.url,
            "SWEEP_PORT": str(port),
            "SWEEP_USER_TOKEN": "user",
            "SWEEP_AGENT_TOKEN": "agent",
            "SWEEP_LEASE_SECONDS": str(LEASE_SECONDS),
            "SWEEP_RENEW_SECONDS": "0.5",
        }
        return Part("service", [sys.executable, "-m", "service"], env, self.folder, port)

    def _mlflow(self) -> Part:
        port, folder = free_port(), self.folder
        argv = [sys.executable, "-m", "mlflow", "server", "--workers", "1"]
        argv += ["--host", "127.0.0.1", "--port", str(port)]
        argv += ["--backend-store-uri", f"sqlite:///{folder / 'mlflow.db'}"]
        argv += ["--artifacts-destination", str(folder / "artifacts")]
        quiet = {"MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false", "MLFLOW_DISABLE_TELEMETRY": "true"}
        return Part("mlflow", argv, self._base | quiet, folder, port, group=True)

    def _node(self, number: int) -> Part:
        env = self._base | self.head.env
        # Room for the workers of a driver that is frozen, beside those of the one that took over.
        argv = [sys.executable, "-m", "tests.chaos.node", env.pop("RAY_ADDRESS"), "8"]
        return Part(f"node{number}", argv, env, self.folder)

    def _agent(self, name: str, **changes: str) -> Part:
        env = self._base | self.head.env
        env |= {
            "SWEEP_SERVICE_URL": f"http://127.0.0.1:{self.service.port}",
            "SWEEP_AGENT_TOKEN": "agent",
            "SWEEP_STORAGE": str(self.folder / "storage"),
            "SWEEP_SLOTS": "4",
            "SWEEP_DATA_ROOTS": str(self.data),
            "SWEEP_RECIPES": "toy=toy_recipe:run",
            "SWEEP_POLL_SECONDS": "0.5",
            "SWEEP_BEAT_SECONDS": "0.2",
            "SWEEP_CHECKPOINT_SECONDS": "0.5",
            # They are killed on purpose, more often than any sweep deserves.
            "SWEEP_DRIVER_CRASHES": "100",
            "MLFLOW_TRACKING_URI": self.tracking_uri,
            **changes,
        }
        return Part(name, [sys.executable, "-m", "workers.agent"], env, self.folder)


@contextmanager
def world(folder: Path) -> Iterator[World]:
    """A world inside the block. Nothing of it is left afterwards, however the block ends."""
    folder.mkdir(parents=True, exist_ok=True)
    with postgres.running(_DURABLE) as database, database.empty() as url:
        found = World(folder, database, url)
        try:
            found.start()
            yield found
        finally:
            try:
                left = found.stop()
            finally:
                if found.database_refusal():
                    database.start()
        assert not left, f"nobody ended: {left}"
