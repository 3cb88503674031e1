"""The driver's way to MLflow: takes journal entries, writes runs in a thread of its own."""

from __future__ import annotations

import logging
import math
import queue
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path

from service.schemas import Tracking
from sweeps.errors import SweepError
from sweeps.journal import Entry
from sweeps.lifecycle import SweepState
from sweeps.spec import SweepSpec
from workers.sinks.mlflow_api import Trouble, connect
from workers.sinks.mlflow_chronicle import Chronicle
from workers.sinks.mlflow_writer import End, MlflowWriter

FIRST_WAIT_SECONDS = 0.5
LONGEST_WAIT_SECONDS = 30.0
# Between two writes; what happens meanwhile is written together.
PACE_SECONDS = 1.0
HOPELESS_SECONDS = 5.0

_log = logging.getLogger(__name__)


class _Close:
    """The last thing in the queue."""


class Hope:
    """Whether to go on trying: not after `seconds` in which every try failed and nothing moved."""

    def __init__(self, seconds: float) -> None:
        self._seconds, self._since, self._taken = seconds, math.inf, -1

    def lost(self, failed: bool, taken: int) -> bool:
        """Tell of a try: whether it failed, and how much has been taken so far in all."""
        if not failed or taken != self._taken:
            self._since, self._taken = time.monotonic(), taken
        return failed and time.monotonic() - self._since > self._seconds


class MlflowSink:
    """Shows one sweep in MLflow. Every call returns at once, except `close`.

    While MLflow is away entries wait in memory (the journal has them anyway), and the runs are
    made when it answers. A restarted driver gives the whole journal to a new sink, which finds
    the runs by their tags and writes only what is missing.
    """

    def __init__(
        self,
        tracking_uri: str,
        sweep_id: str,
        spec: SweepSpec,
        storage: Path,
        ui_url: str | None = None,
        pace_seconds: float = PACE_SECONDS,
        ours: Callable[[], bool] | None = None,
    ) -> None:
        """`storage` is the sweep's folder; `ui_url` is where people open MLflow, by default the
        tracking URI when that is a web address. `ours` is asked before each write: a driver that
        may have lost its sweep must not make runs beside its heir's. Without it, all may be
        written."""
        if ui_url is None and tracking_uri.startswith(("http://", "https://")):
            ui_url = tracking_uri
        client = connect(tracking_uri, ours)
        self._writer = MlflowWriter(client, sweep_id, storage, ui_url, _now)
        self._chronicle = Chronicle(spec)
        self._queue: queue.SimpleQueue[Entry | End | _Close] = queue.SimpleQueue()
        self._pace = pace_seconds
        self._end: End | None = None
        self._closing = self._written = False
        self._deadline: float | None = None
        self._thread = threading.Thread(target=self._run, name="mlflow-sink", daemon=True)
        self._thread.start()

    @property
    def links(self) -> Tracking | None:
        """Experiment, parent run and the address of the charts; None until MLflow has them."""
        return self._writer.links

    def take(self, entry: Entry) -> None:
        """Queue one entry."""
        self._queue.put(entry)

    def finish(
        self, state: SweepState, message: str, weights: Mapping[int, str] | None = None
    ) -> None:
        """Queue the state in which the driver leaves the sweep, a sentence on it, and where the
        weights of its best trials lie. The run ends with DONE, CANCELLED and FAILED; with any
        other state it stays open."""
        self._queue.put(End(state, message, weights or {}))

    def close(self, timeout: float) -> bool:
        """Write what is queued, until MLflow has taken no run for `timeout` seconds. True when
        everything was written.

        Short trials end faster than MLflow takes them, so at the end of many it has much to take.
        One that answers nothing but errors is waited for no longer than HOPELESS_SECONDS.
        """
        self._deadline, taken = time.monotonic() + timeout, self._writer.taken
        self._queue.put(_Close())
        while self._thread.is_alive() and (left := self._deadline - time.monotonic()) > 0:
            self._thread.join(min(left, FIRST_WAIT_SECONDS))
            if self._writer.taken > taken:
                self._deadline, taken = time.monotonic() + timeout, self._writer.taken
        return self._written

    def _run(self) -> None:
        wait, failures, due = 0.0, 0, True
        hope = Hope(HOPELESS_SECONDS)
        while True:
            try:
                due |= self._listen(wait if due else None)
            except SweepError as error:
                _log.error("MLflow shows no more of this sweep: %s", error)
                return
            try:
                self._writer.write(self._chronicle, self._end)
            except Trouble as error:
                failures += 1
                wait = min(LONGEST_WAIT_SECONDS, FIRST_WAIT_SECONDS * 2**failures)
                if failures == 1:
                    _log.warning("MLflow does not take the sweep: %s", error)
            else:
                wait, failures, due = self._pace, 0, False
            if self._closing and not due:
                self._written = True
                return
            if self._deadline is not None and time.monotonic() > self._deadline:
                return
            if self._closing and hope.lost(failures > 0, self._writer.taken):
                return

    def _listen(self, seconds: float | None) -> bool:
        """Take from the queue for `seconds`, or, when None, for one pace from the first item on.

        Returns at once when the sink closes. True when something came that has to be written.
        """
        if self._closing:
            time.sleep(FIRST_WAIT_SECONDS)
            return False
        until = None if seconds is None else time.monotonic() + seconds
        came = False
        while not self._closing:
            left = None if until is None else max(0.0, until - time.monotonic())
            try:
                item = self._queue.get(timeout=left)
            except queue.Empty:
                break
            came = True
            until = until or time.monotonic() + self._pace
            if isinstance(item, _Close):
                self._closing = True
            elif isinstance(item, End):
                self._end = item
            else:
                self._chronicle.take(item)
        return came


def _now() -> int:
    return time.time_ns() // 1_000_000
