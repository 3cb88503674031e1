"""Checkpoints on their way to a mirror, in a thread beside the training."""

from __future__ import annotations

import logging
import threading
import time
from functools import partial
from pathlib import Path

from workers.mirror import Mirror

log = logging.getLogger(__name__)
# How often, and how long after each time, a look at the mirror is repeated before an attempt
# begins without it.
LOOKS, LOOK_WAIT = 3, 2.0
FIRST_WAIT, LONGEST_WAIT = 1.0, 30.0


class Uploads:
    """Copies of a trial's checkpoints at `mirror`. Only the newest offered one is uploaded.

    A mirror that does not answer stops nothing: the upload is tried again, later and later, until
    a newer checkpoint takes its place or this process ends.
    """

    def __init__(self, mirror: Mirror) -> None:
        self._mirror = mirror
        self._turn = threading.Condition()
        self._waiting: tuple[Path, int] | None = None
        self._busy: Path | None = None
        self._thread: threading.Thread | None = None

    @property
    def busy(self) -> Path | None:
        """The checkpoint that is being uploaded."""
        return self._busy

    def offer(self, checkpoint: Path, keep: int) -> None:
        """Upload this one next, in place of any that still waits. Never waits itself."""
        with self._turn:
            self._waiting = (checkpoint, keep)
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="uploads", daemon=True)
                self._thread.start()
            self._turn.notify_all()

    def settle(self, seconds: float) -> bool:
        """Wait until nothing is left to upload, at most `seconds`. True when nothing is."""
        with self._turn:
            settled = self._turn.wait_for(lambda: self._thread is None, seconds)
        if not settled:
            log.warning("the mirror has not taken the newest checkpoint in %g s", seconds)
        return settled

    def bring(self, root: Path, newer_than: str) -> Path | None:
        """Download the newest whole checkpoint behind `newer_than` ("" is before all) to `root`.

        None when there is none, or when the mirror does not answer: the attempt goes on with what
        it has here.
        """
        for look in range(1, LOOKS + 1):
            try:
                for name in self._mirror.names():
                    if name <= newer_than:
                        return None
                    if (found := self._mirror.fetch(name, root)) is not None:
                        return found
                return None
            # Each file system raises what its own library raises.
            except Exception as error:  # noqa: BLE001
                log.warning("the mirror of checkpoints does not answer: %s", error)
                if look < LOOKS:
                    time.sleep(LOOK_WAIT)
        return None

    def _run(self) -> None:
        wait = FIRST_WAIT
        while True:
            with self._turn:
                offered = self._waiting
                if offered is None:
                    self._thread = None
                    self._turn.notify_all()
                    return
                self._busy = offered[0]
            pushed = self._push(*offered)
            with self._turn:
                self._busy = None
                # An offer that came meanwhile is another one, also when it has the same name.
                if self._waiting is offered and (pushed or not offered[0].exists()):
                    self._waiting = None
                elif not pushed:
                    self._turn.wait_for(partial(self._passed, offered), wait)
            wait = FIRST_WAIT if pushed else min(2 * wait, LONGEST_WAIT)

    def _passed(self, offered: tuple[Path, int]) -> bool:
        return self._waiting is not offered

    def _push(self, checkpoint: Path, keep: int) -> bool:
        try:
            self._mirror.push(checkpoint, keep)
        # Each file system raises what its own library raises.
        except Exception as error:  # noqa: BLE001
            log.warning("%s was not uploaded: %s", checkpoint, error)
            return False
        return True
