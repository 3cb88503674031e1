"""What Ray's hooks do, in our words. All of it runs on the thread of Tune's controller."""

from __future__ import annotations

import logging
import os
import queue
import threading
from collections.abc import Mapping
from typing import Any

from sweeps.conductor import Conductor, Mode
from sweeps.trial import Action, Report
from workers.broom import Broom
from workers.lease import LOST_LEASE, LeaseKeeper
from workers.order import AttemptOrder, OrderMaker

log = logging.getLogger(__name__)
# How long the end of a sweep waits for the mirror of its checkpoints.
MIRROR_SECONDS = 20.0


class Steering:
    """Turns Ray's events into calls of the conductor, and the conductor's answers into actions."""

    def __init__(
        self, conductor: Conductor, maker: OrderMaker, keeper: LeaseKeeper, leave: threading.Event
    ) -> None:
        self.conductor = conductor
        self.broom = Broom(maker.settings, maker.sweep_id, maker.spec)
        self._maker, self._keeper, self._leave = maker, keeper, leave
        self._per_trial = max(maker.prepared.devices_per_trial, 1e-9)

    def tick(self) -> None:
        """Take in what arrived since: slots, commands, the wish to leave, the loss of the lease."""
        if self._keeper.lost.is_set():
            log.error("another driver may hold this sweep: stopping without a word")
            # Not an exception: Tune would save, and finally-blocks would write, under a lost lease.
            os._exit(LOST_LEASE)
        if self._leave.is_set():
            self.conductor.mode = Mode.LEAVE
        self.conductor.slots = self._slots()
        self.broom.sweep()
        while True:
            try:
                command = self._keeper.commands.get_nowait()
            except queue.Empty:
                return
            self.conductor.command(command)

    def launch(self) -> dict[str, Any] | None:
        """The config of the next Ray trial, or None when none is to start now."""
        launch = self.conductor.next()
        if launch is None:
            return None
        last = self.conductor.story.trials[launch.trial.number].last_report
        order = self._maker.make(launch.trial, launch.attempt, heard=last.point if last else 0)
        return {"order": order.model_dump_json()}

    def result(self, order: AttemptOrder, result: Mapping[str, Any]) -> Action:
        """What happens to an attempt that reported, or only gave a sign of life."""
        if "report" in result:
            report = Report.model_validate_json(result["report"])
            verdict = self.conductor.reported(order.number, order.attempt, report)
            if verdict.action is not Action.CONTINUE:
                return verdict.action
        return self.conductor.wish(order.number)

    def over(self, order: AttemptOrder, result: Mapping[str, Any]) -> None:
        """An attempt came to its end, or obeyed a stop."""
        finished = result.get("kind") == "finished"
        how = self.conductor.finished if finished else self.conductor.stopped
        how(order.number, order.attempt, *_spent(result))
        self._tidy()

    def saved(self, order: AttemptOrder, result: Mapping[str, Any]) -> None:
        """An attempt was paused: its checkpoint is written and its worker is free."""
        kept = bool(result.get("saves", True))
        self.conductor.saved(order.number, order.attempt, *_spent(result), kept=kept)

    def withdraw(self, order: AttemptOrder) -> bool:
        """Journal the end of an attempt that never got a place, if it is not wanted any more."""
        wish = self.conductor.wish(order.number)
        if wish is Action.STOP:
            self.over(order, {})
        elif wish is Action.PAUSE:
            self.saved(order, {})
        return wish is not Action.CONTINUE

    def full(self) -> bool:
        """True when no attempt will start before another ends."""
        return self.conductor.running() >= self.conductor.slots

    def broke(self, order: AttemptOrder, error: str, *, raised: bool, fatal: bool) -> None:
        """A worker raised or vanished."""
        self.conductor.broke(order.number, order.attempt, error, raised=raised, fatal=fatal)
        self._tidy()

    def tidy_all(self) -> bool:
        """At the end: no checkpoint stays that is not to be kept, whoever ended its trial (an
        earlier driver, or a command while it waited). False: some are left at the mirror."""
        complete = self.conductor.complete()
        self._tidy(complete=complete)
        if complete:
            self.broom.drop_shared()
        self.broom.sweep(rest_seconds=0)
        return self.broom.close(MIRROR_SECONDS)

    def _tidy(self, *, complete: bool = False) -> None:
        story = self.conductor.story
        self.broom.look(story, cancelled=story.cancelled, complete=complete)

    def _slots(self) -> int:
        """How many trials may run. Both limits are the service's: a user may have changed them
        since the spec was written."""
        slots = max(1, int(self._keeper.slots / self._per_trial + 1e-9))
        limit = self._keeper.max_parallel
        return slots if limit is None else min(slots, limit)


def _spent(result: Mapping[str, Any]) -> tuple[int, float]:
    return int(result.get("samples", 0)), float(result.get("seconds", 0.0))
