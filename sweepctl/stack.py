"""Everything that a sweep needs on one machine: service, MLflow server, agent."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from service.client import Client
from service.errors import ServiceError
from sweepctl import environment
from sweepctl.child import Child
from sweepctl.exits import CliError
from sweepctl.guard import Signals
from sweepctl.probes import mlflow_answers
from sweepctl.process import adopt_orphans, end_descendants, reap
from sweepctl.state import StateFolder

_POLL = 0.1


@dataclass(frozen=True)
class Options:
    """What a stack is made of. `alone`: see `environment.clean`."""

    data_roots: list[Path] = field(default_factory=list)
    slots: int | None = None
    port: int | None = None
    mlflow_port: int | None = None
    agent: bool = True
    alone: bool = False


class Stack:
    """Servers over an opened state folder. `say` gets one line for each thing worth telling."""

    def __init__(
        self, state: StateFolder, options: Options, signals: Signals, say: Callable[[str], None]
    ) -> None:
        self.state, self._options, self._signals, self._say = state, options, signals, say
        self.url = f"http://127.0.0.1:{self._port('service', options.port)}"
        self.mlflow_url = f"http://127.0.0.1:{self._port('mlflow', options.mlflow_port)}"
        self.base = environment.clean(os.environ, options.alone)
        self.service, self.mlflow, self.agent = self._children()
        self._started: list[Child] = []

    def start(self) -> None:
        """Start all and wait until all answer.

        Raises CliError with the tail of the log of what failed, InterruptError on a signal. Call
        `stop` in any case.
        """
        migrate = python("service.migrate")
        self.run("migrate", migrate, self.service.env, seconds=120)
        self._launch(self.service)
        self._launch(self.mlflow)
        self._await(self.service, self._service_answers, 60)
        if self._options.agent:
            self._launch(self.agent)
        self._await(self.mlflow, self._mlflow_answers, 180)
        if self._options.agent:
            self._await(self.agent, self._agent_alive, 180)

    def tick(self) -> None:
        """Look after the children once, and sleep a little. Raises InterruptError on a signal.

        Raises CliError when a child keeps dying.
        """
        self._signals.check()
        for child in self._started:
            if not child.tend(self._say):
                raise CliError(
                    f"{child.name} keeps dying; its log ends:\n{child.tail()}",
                    hint=f"read {child.log}",
                )
        time.sleep(_POLL)

    def stop(self) -> None:
        """End all in order: agent (which saves its trials), MLflow, service, whatever is left.

        A second signal meanwhile ends the patience.
        """
        adopt_orphans()
        patience = len(self._signals.seen)
        for child in reversed(self._started):
            grace = 45.0 if child is self.agent else 10.0
            deadline = 0.0 if len(self._signals.seen) > max(patience, 1) else grace
            if not child.stop(deadline, self._hold):
                self._say(f"{child.name} did not end by itself and was killed")
        self._started.clear()
        end_descendants(grace=5.0)

    def run(self, name: str, argv: list[str], env: Mapping[str, str], seconds: float) -> None:
        """Run a command to its end, its output in its log. Raises CliError when it fails."""
        child = Child(name, argv, env, self.state.logs)
        self._started.append(child)
        child.start(self.state.root)
        deadline = time.monotonic() + seconds
        while child.exit_code is None:
            if time.monotonic() > deadline:
                raise _failed(child, f"is not done after {seconds:g} s")
            self._signals.check()
            time.sleep(_POLL)
        self._started.remove(child)
        if child.exit_code != 0:
            raise _failed(child, f"ended with {child.exit_code}")

    def client(self, timeout: float = 10.0, retries: int = 2) -> Client:
        """A client of this stack's service with the user's token."""
        token = self.state.user_token.read_text().strip()
        return Client(self.url, token, timeout=timeout, retries=retries)

    def _port(self, name: str, wanted: int | None) -> int:
        port, note = self.state.port(name, wanted)
        if note:
            self._say(note)
        return port

    def _children(self) -> tuple[Child, Child, Child]:
        root, logs, options = self.state.root, self.state.logs, self._options
        port = int(self.url.rpartition(":")[2])
        urls = (self.url, self.mlflow_url)
        for_agent = environment.agent(self.base, root, urls, options.data_roots, options.slots)
        return (
            Child(
                "service",
                python("service"),
                environment.service(self.base, root, port, self.mlflow_url),
                logs,
            ),
            Child("mlflow", self._mlflow_argv(), environment.mlflow(self.base), logs, alone=False),
            Child("agent", python("workers.agent"), for_agent, logs),
        )

    def _mlflow_argv(self) -> list[str]:
        return [
            *python("mlflow"),
            "server",
            "--host=127.0.0.1",
            f"--port={self.mlflow_url.rpartition(':')[2]}",
            "--workers=1",
            f"--backend-store-uri=sqlite:///{self.state.mlflow_db}",
            f"--artifacts-destination={self.state.artifacts}",
            "--serve-artifacts",
        ]

    def _launch(self, child: Child) -> None:
        self._say(f"starting {child.name}")
        self._started.append(child)
        child.start(self.state.root)

    def _await(self, child: Child, answers: Callable[[], bool], seconds: float) -> None:
        deadline = time.monotonic() + seconds
        while not answers():
            self._signals.check()
            if child.exit_code is not None:
                raise _failed(child, f"ended with {child.exit_code}")
            if time.monotonic() > deadline:
                raise _failed(child, f"does not answer after {seconds:g} s")
            time.sleep(_POLL)

    def _service_answers(self) -> bool:
        try:
            with self.client(timeout=2.0, retries=0) as client:
                return client.ready().status == "ok"
        except ServiceError:
            return False

    def _mlflow_answers(self) -> bool:
        return mlflow_answers(self.mlflow_url)

    def _agent_alive(self) -> bool:
        try:
            with self.client(timeout=5.0, retries=0) as client:
                return any(agent.alive for pool in client.pools().items for agent in pool.agents)
        except ServiceError:
            return False

    def _hold(self) -> None:
        # The agent's daemons become our children here; it must see them go when they end.
        reap()
        time.sleep(_POLL)


def python(module: str) -> list[str]:
    """`python -m module`, with nothing importable from the folder it runs in."""
    return [sys.executable, "-P", "-m", module]


def _failed(child: Child, how: str) -> CliError:
    tail = child.tail()
    return CliError(f"{child.name} {how}\n{tail}".rstrip(), hint=f"read {child.log}")
