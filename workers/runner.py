"""One attempt in a thread of a worker process, and the rendezvous with whoever steers it.

The steering side (Ray's main thread of the actor) calls `advance` to let the recipe run until it
has something to say, and `leave` to end it. The recipe's side blocks only at decision points.
"""

from __future__ import annotations

import queue
import threading
import time
import traceback
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sweeps.errors import SweepError
from sweeps.trial import Report, Role
from workers.checkpoints import CheckpointFolder
from workers.mirror import Mirror
from workers.order import AttemptOrder, checkpoints_of
from workers.recipes import load_recipe
from workers.recipes.commands import read_commands
from workers.recipes.context import (
    Context,
    MetricLog,
    Order,
    Paused,
    Setting,
    Stopped,
    TryAgainError,
)
from workers.recipes.shared import SharedFolder, SharedPhases
from workers.recipes.world import ALONE, World
from workers.roots import DataRoots
from workers.uploads import Uploads

# How long a recipe may take from one step to the next, or to save, once it was told to leave.
LEAVE_SECONDS = 600.0
# How long an attempt that saved keeps its place for the copy of its checkpoint.
COPY_SECONDS = 10.0
ERROR_CHARACTERS = 16_000


@dataclass(frozen=True)
class Said:
    """What the recipe's side said: `kind` is report, pulse, finished, stopped, paused or failed.

    `saves`: the recipe has a state that a pause saves.
    """

    kind: str
    samples: int
    seconds: float
    report: Report | None = None
    error: str | None = None
    fatal: bool = False
    lost: bool = False
    saves: bool = True


class Runner:
    """Runs one attempt. Nothing happens before the first `advance`.

    Of several ranks rank 0 is steered; the others run `to_its_end`, which is where rank 0 ends.
    """

    def __init__(
        self, order: AttemptOrder, log: MetricLog, cache: dict[str, Any], world: World = ALONE
    ) -> None:
        self.order = order
        self._log, self._cache, self._world = log, cache, world
        self._said: queue.Queue[Said] = queue.Queue()
        self._answers: queue.Queue[Order] = queue.Queue()
        self._wish = Order.GO_ON
        self._waiting = False
        self._samples = 0
        self._began = time.monotonic()
        self._thread: threading.Thread | None = None
        self._context: Context | None = None

    def advance(self, beat_seconds: float) -> Said:
        """Let the recipe go on. Returns its next report or its end, or a pulse after a beat.

        With its end its thread is gone.
        """
        thread = self._thread or self._start()
        if self._waiting:
            self._waiting = False
            self._answers.put(Order.GO_ON)
        try:
            said = self._said.get(timeout=beat_seconds)
        except queue.Empty:
            return self._say("pulse")
        self._waiting = said.kind == "report"
        if not self._waiting:
            # While it lives its frames hold the model: who looks at the memory would count that.
            thread.join()
        return said

    def to_its_end(self) -> Said:
        """Run a rank that is not the first: it hears from rank 0 when to end."""
        self._run()
        return self._said.get()

    def leave(self, wish: Order, seconds: float = LEAVE_SECONDS) -> Said:
        """End the attempt: PAUSE saves first, STOP does not. Waits until its thread is gone.

        Returns how it ended, which is `finished` or `failed` when it was faster than the wish.
        Raises TimeoutError when it has not ended after `seconds`: then this process must end.
        """
        if self._thread is None:
            return self._say("stopped" if wish is Order.STOP else "paused")
        self._wish = wish
        deadline = time.monotonic() + seconds
        if self._waiting:
            self._waiting = False
            self._answers.put(wish)
        said = self._heard(deadline, seconds)
        while said.kind == "report":
            # Nobody is there to judge it: it goes into the checkpoint and is said again.
            self._answers.put(Order.LEAVE if wish is Order.PAUSE else wish)
            said = self._heard(deadline, seconds)
        self._thread.join()
        self._thread = None
        return said

    def _heard(self, deadline: float, seconds: float) -> Said:
        try:
            return self._said.get(timeout=max(0.0, deadline - time.monotonic()))
        except queue.Empty:
            # Should it wake up after all, it must not write over what the next attempt saved.
            self._wish = Order.STOP
            message = f"the recipe did not come to a step within {seconds:g} s of being told to end"
            raise TimeoutError(message) from None

    def report(self, report: Report) -> Order:
        """Link: called on the recipe's thread; blocks for the verdict."""
        self._samples = report.samples
        self._said.put(self._say("report", report=report))
        return self._answers.get()

    def pulse(self, samples_seen: int) -> Order:
        """Link: called on the recipe's thread after every step; never waits."""
        self._samples = samples_seen
        return self._wish

    def _start(self) -> threading.Thread:
        self._thread = threading.Thread(target=self._run, name="recipe", daemon=True)
        self._thread.start()
        return self._thread

    def _run(self) -> None:
        checkpoints = self._checkpoints()
        try:
            context = self._context = Context(self._setting(), self, self._log, checkpoints)
            order = self.order
            recipe = load_recipe(
                order.workload.recipe, order.recipes, read_commands(order.commands)
            )
            if self.order.role is Role.BASE:
                recipe.run_untrained(context)
            else:
                recipe.run(context)
        except Paused:
            checkpoints.settle(COPY_SECONDS)
            self._said.put(self._say("paused"))
        except Stopped:
            self._said.put(self._say("stopped"))
        except (Exception, SystemExit) as error:  # noqa: BLE001 - what a recipe raises is its end
            fatal = isinstance(error, SweepError)
            lost = isinstance(error, TryAgainError)
            self._said.put(self._say("failed", error=_text(error), fatal=fatal, lost=lost))
        else:
            checkpoints.settle(COPY_SECONDS)
            self._said.put(self._say("finished"))
        finally:
            # It holds the model.
            self._context = None

    def _setting(self) -> Setting:
        order = self.order
        return Setting(
            workload=order.workload,
            evaluation=order.evaluation,
            params=order.params,
            plan=order.plan,
            roots=DataRoots(tuple(Path(root) for root in order.roots)),
            seed=order.seed,
            micro_batch_size=order.micro_batch_size,
            micro_batch_tokens=order.micro_batch_tokens,
            device=order.device,
            checkpoint_seconds=order.checkpoint_seconds,
            keep_final=order.keep_final,
            heard=order.heard,
            judges=order.judges,
            tasks=order.tasks,
            token_folder=Path(order.token_folder),
            cache=self._cache,
            trial=order.trial_id,
            shared=self._shared(),
            world=self._world,
        )

    def _shared(self) -> SharedPhases:
        folders = {
            place.steps: SharedFolder(
                Path(place.folder),
                copies=Uploads(Mirror(place.mirror)) if place.mirror else None,
            )
            for place in self.order.shared
        }
        return SharedPhases(folders)

    def _checkpoints(self) -> CheckpointFolder:
        copies = Uploads(Mirror(self.order.mirror)) if self.order.mirror else None
        return CheckpointFolder(checkpoints_of(Path(self.order.folder)), copies=copies)

    def _say(
        self,
        kind: str,
        report: Report | None = None,
        error: str | None = None,
        fatal: bool = False,
        lost: bool = False,
    ) -> Said:
        seconds = time.monotonic() - self._began
        context = self._context
        saves = context is None or context.saves
        return Said(kind, self._samples, seconds, report, error, fatal, lost, saves)


def _text(error: BaseException) -> str:
    """The traceback, its end when it is long, in characters that JSON and databases can hold."""
    text = "".join(traceback.format_exception(error))
    text = text.encode(errors="replace").decode().replace("\0", "?")
    if len(text) <= ERROR_CHARACTERS:
        return text
    cut = "(the beginning is cut)\n"
    return cut + text[len(cut) - ERROR_CHARACTERS :]
