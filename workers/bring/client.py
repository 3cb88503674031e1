"""What a command imports to tell a sweep of its training. Standard library only: it may be copied.

    trial = Trial.from_environment()
    trial.register_state(save, load)
    for step in range(trial.steps_done, trial.plan.steps):
        ...
        trial.step(samples=..., tokens=..., loss=..., grad_norm=..., learning_rate=...)

It has the words of a recipe's context (docs/writing-a-recipe.md), so code that is written for the
one runs with the other.
"""

from __future__ import annotations

import json
import os
import socket
from collections.abc import Callable, Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any


class Stopped(SystemExit):
    """The trial is over for good: raised in `step`, and ends the program without an error."""


class Paused(Stopped):
    """The state was saved; a later attempt goes on from there."""


class Trial:
    """One trial, as its command sees it.

    `params` are its parameters, `plan` has steps, global_batch_size, horizon, points and
    warmup_steps, `paths` has model, train and eval as they lie on this machine, `workload` and
    `evaluation` are those of the spec. `steps_done` is 0, or where the checkpoint stands.
    """

    def __init__(self, facts: Mapping[str, Any], address: str) -> None:
        self.params: dict[str, Any] = facts["params"]
        self.seed: int = facts["seed"]
        self.device: str = facts["device"]
        self.micro_batch_size: int = facts["micro_batch_size"]
        self.plan = SimpleNamespace(**facts["plan"])
        self.evaluation = SimpleNamespace(**facts["evaluation"])
        self.workload: dict[str, Any] = facts["workload"]
        self.paths: dict[str, Any] = facts["paths"]
        self.steps_done: int = facts["steps_done"]
        self.samples_seen: int = facts["samples_seen"]
        self._resume: str | None = facts["resume_from"]
        self._save: Callable[[Path], None] | None = None
        connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        connection.connect(address)
        self._lines = connection.makefile("rwb")
        # Of several processes (torchrun and accelerate number them) the first speaks for all.
        rank = int(os.environ.get("RANK", "0"))
        self._speaks = rank == 0
        self._say({"rank": rank})

    @classmethod
    def from_environment(cls) -> Trial:
        """The trial that this process was started for. Raises RuntimeError when there is none."""
        try:
            return cls(json.loads(os.environ["TRIAL_JSON"]), os.environ["TRIAL_SOCKET"])
        except KeyError as error:
            raise RuntimeError(f"{error} is not set: this runs as a trial of a sweep") from error

    def register_state(self, save: Callable[[Path], None], load: Callable[[Path], None]) -> None:
        """Say how the state is written to and read from a folder; loads when there is one.

        Call once, before the first step.
        """
        self._save = save
        if self._resume is not None:
            load(Path(self._resume))

    def step(
        self,
        *,
        samples: int,
        tokens: int,
        loss: float,
        grad_norm: float | None,
        learning_rate: float,
        label_tokens: int | None = None,
        changed: bool = True,
        ends: bool = False,
        evaluate: Callable[[], Mapping[str, float]] | None = None,
    ) -> None:
        """Tell of one optimizer step, as `Context.step` does. Raises Stopped, or Paused after
        saving.

        Every process of a trial calls it: what rank 0 says counts, what it is told all do.
        """
        self.steps_done += 1
        self.samples_seen += samples
        line = {
            "step": self.steps_done,
            "samples": samples,
            "tokens": tokens,
            "loss": loss,
            "grad_norm": grad_norm,
            "learning_rate": learning_rate,
            "label_tokens": label_tokens,
            "changed": changed,
            "ends": ends,
            "evaluates": evaluate is not None,
            "reply": True,
        }
        if self._speaks:
            self._say(line)
        while (order := self._hear())["order"] != "go_on":
            answer = self._obey(order, evaluate)
            if self._speaks:
                self._say(answer)

    def _obey(
        self, order: dict[str, Any], evaluate: Callable[[], Mapping[str, float]] | None
    ) -> dict[str, Any]:
        if order["order"] == "evaluate" and evaluate is not None:
            return {"metrics": dict(evaluate())}
        if order["order"] == "save":
            return {"saved": self._saved(Path(order["folder"]))}
        raise Paused if order["order"] == "pause" else Stopped

    def _saved(self, folder: Path) -> bool:
        if self._save is None:
            raise RuntimeError(
                "register_state was not called, so nothing can be saved; or let the operator "
                "write `resumes: false` for this command"
            )
        self._save(folder)
        return True

    def _say(self, line: Mapping[str, Any]) -> None:
        # NaN and infinities go as they are; Python reads and writes them in JSON.
        self._lines.write(json.dumps(line).encode() + b"\n")
        self._lines.flush()

    def _hear(self) -> dict[str, Any]:
        line = self._lines.readline()
        # Nobody is there any more: a worker that died takes its command with it.
        order: dict[str, Any] = json.loads(line) if line else {"order": "stop"}
        return order
