"""A trial that is a command line of the operator's (`workers.recipes.commands`).

The command runs in a child of the worker and tells its steps over a socket (`workers.bring.lines`);
what it asks to hear comes back: go_on, save, evaluate, pause, stop. To the rest of the worker it is
a recipe like any other.
"""

from __future__ import annotations

import hashlib
import logging
import os
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from sweeps.errors import Fault, SpecError
from sweeps.faults import shorten
from sweeps.spec import Workload
from workers.bring.channel import Channel, meeting_folder, scratch_folder, socket_in
from workers.bring.child import Child
from workers.bring.environment import environment, resolve
from workers.bring.lines import Line, LineError, MetricsLine, SavedLine, StepLine
from workers.recipes import Facts
from workers.recipes.commands import Command, filled
from workers.recipes.context import Context, Paused, Stopped
from workers.roots import DataRoots

log = logging.getLogger(__name__)


class CommandError(Exception):
    """The command ended before its trial did."""


def prepare(workload: Workload, roots: DataRoots) -> Facts:
    """Count the rows (lines that are not empty) of the training data and digest every data file.

    Raises SpecError for what is not under a data root, or no file.
    """
    rows: dict[str, int] = {}
    digest = hashlib.sha256()
    for label, path in _files(resolve(workload, roots)):
        rows[label], content = _measured(Path(path), f"/spec/workload/data/{label}")
        digest.update(f"{label} {content}\n".encode())
    evals = [count for label, count in rows.items() if label.startswith("eval")]
    return Facts(
        train_samples=rows.get("train"),
        eval_samples=sum(evals) if evals else None,
        data_digest=digest.hexdigest() if rows else None,
    )


def _files(paths: Mapping[str, str | dict[str, str]]) -> Iterator[tuple[str, str]]:
    """Every data file with its place in the spec: train, eval, eval/NAME ..."""
    for use in ("train", "eval"):
        held = paths.get(use, {})
        if isinstance(held, str):
            yield use, held
        else:
            yield from ((f"{use}/{name}", path) for name, path in held.items())


def run(context: Context, command: Command) -> None:
    """Run the command from the start or from its last checkpoint, to the horizon.

    Raises CommandError when it ends too early, with the end of its standard error; SilenceError,
    LineError, CommandsError. Stopped and Paused pass through, once the command has ended.
    """
    with (
        scratch_folder() as name,
        meeting_folder(folder := Path(name)) as meeting,
        Channel(socket_in(meeting), command.silence_seconds) as channel,
    ):
        talk = _Talk(context, channel, command.resumes)
        if command.resumes:
            context.register_state(talk.save, talk.load)
        if context.steps_done >= context.plan.steps:
            return
        own = environment(command, context, socket_in(meeting), talk.resume, os.environ)
        arguments = filled(command, own)
        directory, scratch = command.directory or folder, {folder, meeting}
        talk.child = Child(arguments, own, directory, scratch)
        try:
            talk.listen()
            # Whoever still waits for an order sees the end of it.
            channel.close()
            _see_out(talk.child, command)
        except Stopped as stop:
            order = "pause" if isinstance(stop, Paused) else "stop"
            if talk.reply and channel.say({"order": order}):
                talk.child.wait(command.grace_seconds)
            raise
        finally:
            talk.child.end(command.grace_seconds)


def _see_out(child: Child, command: Command) -> None:
    """Let it end by itself after its last step; all that counts has been told."""
    status = child.wait(command.silence_seconds)
    if status:
        log.warning("a command whose trial was through %s", child.last_words())


class _Talk:
    """The conversation of one attempt. `reply`: the command waits for the order of its step."""

    def __init__(self, context: Context, channel: Channel, resumes: bool) -> None:
        self._context, self._channel, self._resumes = context, channel, resumes
        self.resume: Path | None = None
        self.reply = False
        self.child: Child

    def listen(self) -> None:
        """Take the command's steps until the trial is through."""
        context = self._context
        while context.steps_done < context.plan.steps:
            line = self._channel.hear(self.child.alive)
            if line is None:
                raise CommandError(
                    f"The command {self.child.last_words()}\nIt had told {context.steps_done} of "
                    f"{context.plan.steps} steps."
                )
            if not isinstance(line, StepLine):
                raise LineError(f"The command answered {_shown(line)}, and nobody had asked.")
            self._take(line)
            if line.reply:
                self._channel.say({"order": "go_on"})
            if line.ends:
                return

    def save(self, folder: Path) -> None:
        """Have the command write its state into `folder`."""
        self._ask({"order": "save", "folder": str(folder)}, SavedLine)

    def load(self, folder: Path) -> None:
        """Remember where the command finds its state (TRIAL_RESUME_FROM)."""
        self.resume = folder

    def _take(self, line: StepLine) -> None:
        context, self.reply = self._context, line.reply
        if self._resumes and not line.reply:
            # Found at its first step, not at its first checkpoint hours later.
            raise LineError(
                'The command cannot be asked to save its state: its step had no "reply": true. '
                "The operator writes resumes: false for a command that does not hear orders."
            )
        if line.step != context.steps_done + 1:
            raise LineError(
                f"The command told step {line.step}, and the next one is "
                f"{context.steps_done + 1}. One that goes on from a checkpoint counts on from "
                "TRIAL_STEPS_DONE."
            )
        context.step(
            samples=line.samples or context.plan.global_batch_size,
            tokens=line.tokens,
            loss=line.loss,
            grad_norm=line.grad_norm,
            learning_rate=line.learning_rate,
            label_tokens=line.label_tokens,
            changed=line.changed,
            ends=line.ends,
            evaluate=self._evaluate(line),
        )

    def _evaluate(self, line: StepLine) -> Callable[[], Mapping[str, float]] | None:
        if line.metrics:
            return lambda: line.metrics
        return self._measure if line.evaluates and line.reply else None

    def _measure(self) -> Mapping[str, float]:
        answer = self._ask({"order": "evaluate"}, MetricsLine)
        assert isinstance(answer, MetricsLine)  # noqa: S101 - for the type checker
        return answer.metrics

    def _ask(self, order: dict[str, str], kind: type[Line]) -> Line:
        self._channel.say(order)
        line = self._channel.hear(self.child.alive)
        if line is None:
            raise CommandError(f"Asked to {order['order']}, the command {self.child.last_words()}")
        if not isinstance(line, kind):
            raise LineError(f"Asked to {order['order']}, the command answered {_shown(line)}.")
        return line


def _shown(line: Line) -> str:
    return shorten(line.model_dump(mode="json", exclude_defaults=True))


def _measured(path: Path, place: str) -> tuple[int, str]:
    """How many lines are not empty, and the digest of the file, which may be larger than memory."""
    rows, empty, digest = 0, True, hashlib.sha256()
    try:
        with path.open("rb") as file:
            while chunk := file.read(2**20):
                digest.update(chunk)
                first, *others = chunk.split(b"\n")
                empty = empty and not first.strip()
                for part in others:
                    rows, empty = rows + (not empty), not part.strip()
        return rows + (not empty), digest.hexdigest()
    except OSError as error:
        message, mend = f"this file cannot be read ({error.strerror})", "Name a file of rows."
        raise SpecError([Fault(place, shorten(str(path)), message, mend)]) from error
