"""From the spools of a worker process to MLflow, in one thread beside the training."""

from __future__ import annotations

import logging
import threading
import time
from dataclasses import dataclass
from pathlib import Path

from mlflow import MlflowClient

from workers.sinks.metric_tail import MetricTail
from workers.sinks.mlflow_api import Trouble, connect, find_trial_run, refused

FIRST_WAIT_SECONDS = 0.5
LONGEST_WAIT_SECONDS = 30.0
# How long a trial that left this worker is still tried for.
LINGER_SECONDS = 600.0

_log = logging.getLogger(__name__)


def ship_rest(client: MlflowClient, run_id: str, path: Path) -> None:
    """Send what MLflow does not have yet of a trial that ended. The driver calls it before it
    gives the run its terminal status. Raises one of `mlflow_api.Trouble`."""
    MetricTail(path, run_id).ship(client)


@dataclass(eq=False)
class _Watch:
    trial_id: str
    path: Path
    tail: MetricTail | None = None
    released_at: float | None = None
    wait: float = 0.0
    not_before: float = 0.0


class MetricShipper:
    """One background thread that follows the spools of the trials it watches.

    Nothing here waits for the network, except `flush` and `close`, which say for how long. While
    MLflow is away, or the driver has not made the run yet, the thread backs off; the points stay
    in the spool.
    """

    def __init__(self, tracking_uri: str, poll_seconds: float = 1.0) -> None:
        self._client = connect(tracking_uri)
        self._poll = poll_seconds
        self._turn = threading.Condition()
        self._watches: dict[str, _Watch] = {}
        # Flushes are numbered; one is served by a pass that began after it and left nothing.
        self._asked = self._served = 0
        self._stop = False
        # A trial was found without a run in this pass. The driver makes runs in the order of the
        # trials, so later ones need not be looked for: hundreds of questions a second would keep
        # MLflow from making them.
        self._behind = False
        self._thread = threading.Thread(target=self._run, name="metric-shipper", daemon=True)
        self._thread.start()

    def watch(self, trial_id: str, path: Path) -> None:
        """Follow a trial's spool from now on; the file need not exist yet."""
        with self._turn:
            self._watches[trial_id] = _Watch(trial_id, path)
            self._turn.notify_all()

    def release(self, trial_id: str) -> None:
        """The attempt is over: its spool is forgotten once it is over to its end, or after
        LINGER_SECONDS. What is missing then, the trial's next attempt or the driver brings."""
        with self._turn:
            if trial_id in self._watches:
                self._watches[trial_id].released_at = time.monotonic()
                self._turn.notify_all()

    def flush(self, timeout: float) -> bool:
        """Wait until all that the watched spools hold now is in MLflow. False: that took longer
        than `timeout` seconds."""
        with self._turn:
            self._asked += 1
            mine = self._asked
            self._turn.notify_all()
            return self._turn.wait_for(lambda: self._served >= mine, timeout)

    def close(self, timeout: float) -> bool:
        """Flush, then end the thread. Returns what `flush` says."""
        deadline = time.monotonic() + timeout
        flushed = self.flush(timeout)
        with self._turn:
            self._stop = True
            self._turn.notify_all()
        # Not for long: in an outage it may hang in a request, and it is a daemon.
        self._thread.join(max(0.1, deadline - time.monotonic()))
        return flushed

    def _run(self) -> None:
        while True:
            with self._turn:
                self._turn.wait(self._poll)
                if self._stop:
                    return
                asked, watches = self._asked, list(self._watches.values())
                # Before the look at the spool: after it, more may have been written.
                released = [watch for watch in watches if watch.released_at is not None]
                urgent = asked > self._served
            self._behind = False
            over = [watch for watch in watches if self._ship(watch, urgent)]
            with self._turn:
                for watch in released:
                    stale = time.monotonic() - (watch.released_at or 0.0) > LINGER_SECONDS
                    current = self._watches.get(watch.trial_id) is watch
                    if current and (stale or watch in over):
                        del self._watches[watch.trial_id]
                if len(over) == len(watches):
                    self._served = max(self._served, asked)
                    self._turn.notify_all()

    def _ship(self, watch: _Watch, urgent: bool) -> bool:
        """True when the spool is over to its end."""
        now = time.monotonic()
        if now < watch.not_before and not urgent:
            return False
        try:
            if watch.tail is None and self._behind:
                return False
            if watch.tail is None:
                run_id = find_trial_run(self._client, watch.trial_id)
                watch.tail = MetricTail(watch.path, run_id) if run_id else None
                self._behind = run_id is None
            if watch.tail is not None:
                watch.tail.ship(self._client)
                watch.wait = 0.0
                return True
        except Trouble as error:
            if watch.wait == 0.0:
                _log.warning("MLflow does not take the metrics of %s: %s", watch.trial_id, error)
            if refused(error):
                watch.tail = None
        watch.wait = min(LONGEST_WAIT_SECONDS, max(FIRST_WAIT_SECONDS, 2 * watch.wait))
        watch.not_before = now + watch.wait
        return False
