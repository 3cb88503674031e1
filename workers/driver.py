"""One sweep from spec to result: the page to read first.

`python -m workers.driver` is started by the agent, which writes the lease to its standard input.
"""

from __future__ import annotations

import logging
import signal
import sys
import threading
from collections.abc import Callable
from functools import partial

from service.client import Client
from service.errors import ServiceError
from service.schemas import Lease
from sweeps.conductor import Conductor
from sweeps.errors import SweepError
from sweeps.journal import Entry, Prepared
from sweeps.lifecycle import SweepState
from sweeps.pruners import make_pruner
from sweeps.pruners.decide import verdict
from sweeps.searchers import make_searcher
from sweeps.spec import SweepSpec, parse
from workers.book import NOT_WRITTEN, Book, no_room
from workers.ending import Ending, ending
from workers.lease import LOST_LEASE, LeaseKeeper
from workers.logs import start_logging
from workers.order import OrderMaker
from workers.preparing import prepare, trial_resources
from workers.settings import WorkerSettings
from workers.sinks.mlflow_sink import MlflowSink
from workers.sinks.service_sink import ServiceSink
from workers.tune.run import cluster_resources, join_ray, leave_ray, run_tune
from workers.tune.steering import Steering

log = logging.getLogger(__name__)
LAST_WORDS_SECONDS = 60.0


class Drive:
    """Everything one driver holds while it drives its sweep."""

    def __init__(self, lease: Lease, settings: WorkerSettings, ray_address: str) -> None:
        self.lease, self.settings, self.ray_address = lease, settings, ray_address
        self.spec: SweepSpec = parse(lease.spec)
        self.client = Client(settings.service_url, settings.token())
        self.leave = threading.Event()
        self.keeper = LeaseKeeper(self.client, lease)
        folder = settings.sweep_folder(lease.sweep)
        folder.mkdir(parents=True, exist_ok=True)
        stored = list(self.client.entries(lease.sweep))
        self.book = Book(folder / "journal.jsonl", stored)
        self.mlflow: MlflowSink | None = None
        if settings.tracking_uri:
            self.mlflow = MlflowSink(
                settings.tracking_uri, lease.sweep, self.spec, folder, settings.mlflow_url
            )
        # MLflow hears of an entry once the service has it: a verdict is stored before it is shown.
        self.sink = ServiceSink(
            self.client,
            lease.sweep,
            lease.token,
            len(stored),
            self._stored,
            self.keeper.lost,
            aside=self.book.put_aside,
        )
        self.book.attach(self.sink)

    def run(self) -> Ending:
        """Drive the sweep until it ends or this driver leaves."""
        self.keeper.start()
        device = join_ray(self.ray_address, namespace=self.lease.sweep)
        try:
            prepared = self._prepared(device)
            resources = trial_resources(self.spec, prepared, cluster_resources())
            conductor = self._conductor(prepared)
            conductor.recover()
            maker = OrderMaker(
                self.lease.sweep, self.spec, prepared, self.settings, self.settings.tracking_uri
            )
            steering = Steering(conductor, maker, self.keeper, self.leave)
            steering.tick()
            if not conductor.done():
                run_tune(steering, resources, self.book.folder)
            conductor.close()
            steering.tidy_all()
            return ending(conductor)
        except SweepError as error:
            # The user's input was wrong in a way that only this machine could see.
            return Ending(SweepState.FAILED, str(error))
        finally:
            leave_ray()

    def close(self, end: Ending) -> None:
        """Ship what is left, show it in MLflow, and tell the service how it ended, in that order.

        The lease is renewed until then: MLflow may take its time.
        """
        shipped = self.sink.close(LAST_WORDS_SECONDS)
        if self.mlflow is not None:
            if end.state is not None and shipped:
                # The note of a finished sweep says by itself what is best.
                done = end.state is SweepState.DONE
                self.mlflow.finish(end.state, "" if done else end.message)
            if not self.mlflow.close(LAST_WORDS_SECONDS):
                log.warning("MLflow has not taken everything; the spools are kept")
            self.keeper.tracking = self.mlflow.links
        self.keeper.stop()
        if self.keeper.lost.is_set():
            sys.exit(LOST_LEASE)
        self.book.close()
        if shipped and end.state is not None:
            self.client.finish(self.lease.sweep, self.lease.token, end.state, end.message)
        self.client.close()

    def _prepared(self, device: str) -> Prepared:
        if self.book.story.prepared is None:
            self.book.append(prepare(self.spec, self.settings, device))
        prepared = self.book.story.prepared
        assert prepared is not None  # noqa: S101 - appended just above
        return prepared

    def _conductor(self, prepared: Prepared) -> Conductor:
        story = self.book.story
        searcher = make_searcher(self.spec, prepared.horizon_samples)
        pruner = make_pruner(self.spec)
        judge = partial(verdict, self.spec, pruner)
        return Conductor(self.spec, story, searcher, judge, self.book.append, pruner.revive)

    def _stored(self, entry: Entry) -> None:
        if self.mlflow is not None:
            self.mlflow.take(entry)
            self.keeper.tracking = self.mlflow.links


def main(read: Callable[[], str] = sys.stdin.read) -> int:
    """Read the lease, drive, say how it ended by the exit code: 0, 1, NOT_WRITTEN, LOST_LEASE."""
    start_logging()
    settings = WorkerSettings()
    lease = Lease.model_validate_json(read())
    try:
        drive = Drive(lease, settings, settings.ray_address_or_fail())
        signal.signal(signal.SIGTERM, partial(_leave, drive.leave))
        end = drive.run()
        drive.close(end)
    except ServiceError as error:
        log.error("the service refused or is gone: %s", error)
        return 1
    except OSError as error:
        if not no_room(error):
            raise
        log.error("the disk does not take what this driver writes: %s", error)
        return NOT_WRITTEN
    log.info("sweep %s: %s %s", lease.sweep, end.state or "left", end.message)
    return 0


def _leave(leave: threading.Event, *_: object) -> None:
    leave.set()


if __name__ == "__main__":
    sys.exit(main())
