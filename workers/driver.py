"""One sweep from spec to result: the page to read first.

`python -m workers.driver` is started by the agent, which writes the lease to its standard input.
"""

from __future__ import annotations

import logging
import os
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
from sweeps.lifecycle import SWEEP_ENDS, SweepState
from sweeps.phases import stages_in
from sweeps.pruners import make_pruner
from sweeps.pruners.base import parting
from sweeps.pruners.decide import verdict
from sweeps.searchers import make_searcher
from sweeps.spec import SweepSpec, parse
from workers.book import NOT_WRITTEN, Book, no_room
from workers.ending import Ending, ending
from workers.figures.redraw import Redraw
from workers.lease import LOST_LEASE, LeaseKeeper
from workers.leftovers import Leftovers
from workers.logs import start_logging
from workers.order import OrderMaker
from workers.placing import place
from workers.preparing import device_of, past_curves, prepare, trial_resources
from workers.settings import WorkerSettings
from workers.sinks.mlflow_sink import MlflowSink
from workers.sinks.service_sink import ServiceSink
from workers.tune.run import cluster_resources, join_ray, largest_node, leave_ray, run_tune
from workers.tune.steering import Steering
from workers.weights import kept_weights, last_words

log = logging.getLogger(__name__)
LAST_WORDS_SECONDS = 60.0


class Drive:
    """Everything one driver holds while it drives its sweep."""

    def __init__(self, lease: Lease, settings: WorkerSettings, ray_address: str) -> None:
        self.lease, self.settings, self.ray_address = lease, settings, ray_address
        self.spec: SweepSpec = parse(lease.spec)
        self.client = Client(settings.service_url, settings.token())
        self.leave = threading.Event()
        # From here on it is ours to renew: reading a long journal may take longer than a lease.
        self.keeper = LeaseKeeper(self.client, lease)
        self.keeper.start()
        threading.Thread(target=self._end_when_lost, name="lost", daemon=True).start()
        folder = settings.sweep_folder(lease.sweep)
        folder.mkdir(parents=True, exist_ok=True)
        self.leftovers, self.swept = Leftovers(settings.storage), True
        self.leftovers.mark(lease.sweep)
        stored = list(self.client.entries(lease.sweep))
        if not self.keeper.sure():
            # Another driver may have the spool open by now.
            sys.exit(LOST_LEASE)
        self.book = Book(folder / "journal.jsonl", stored)
        self.mlflow: MlflowSink | None = None
        self.redraw = Redraw(lease.sweep, folder)
        if settings.tracking_uri:
            self.mlflow = MlflowSink(
                settings.tracking_uri,
                lease.sweep,
                self.spec,
                folder,
                settings.mlflow_url,
                ours=self.keeper.sure,
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
        join_ray(self.ray_address, namespace=self.lease.sweep)
        # Again: Ray's core puts a handler of its own in the place of ours, which ends the process.
        leave_at_sigterm(self.leave)
        try:
            prepared = self._prepared(device_of(cluster_resources(), self.settings.device_kind))
            resources = self._resources(prepared)
            conductor = self._conductor(prepared)
            conductor.recover()
            maker = OrderMaker(
                self.lease.sweep, self.spec, prepared, self.settings, self.settings.tracking_uri
            )
            steering = Steering(conductor, maker, self.keeper, self.leave)
            steering.tick()
            if not conductor.done():
                run_tune(steering, resources, self.book.folder, prepared.ranks)
            conductor.close()
            self.swept = steering.tidy_all()
            sweep, story = self.lease.sweep, self.book.story
            return ending(conductor, kept_weights(self.settings, sweep, self.spec, story))
        except SweepError as error:
            # The user's input was wrong in a way that only this machine could see.
            return Ending(SweepState.FAILED, str(error))
        finally:
            leave_ray()

    def close(self, end: Ending) -> None:
        """Ship what is left, show it in MLflow, and tell the service how it ended, in that order.

        The lease is renewed until then: MLflow may take its time, as long as it takes something.
        What it has not taken is left to `workers.shipping`, and so are the figures, and checkpoints
        at a mirror.
        """
        shipped = self.sink.close(LAST_WORDS_SECONDS)
        self.redraw.close()
        self._show(end if shipped else Ending(None))
        self.keeper.stop()
        if self.keeper.lost.is_set():
            sys.exit(LOST_LEASE)
        self.book.close()
        if shipped and end.state is not None:
            self.client.finish(self.lease.sweep, self.lease.token, end.state, end.message)
            # With MLflow the mark stays: `workers.shipping` draws the figures, nobody waits here.
            if end.state in SWEEP_ENDS and self.mlflow is None and self.swept:
                self.leftovers.clear(self.lease.sweep)
        self.client.close()

    def _show(self, end: Ending) -> None:
        if self.mlflow is None:
            return
        if end.state is not None:
            said = last_words(end.state, end.message, end.weights)
            self.mlflow.finish(end.state, said, end.weights)
        shown = self.mlflow.close(LAST_WORDS_SECONDS)
        self.keeper.tracking = self.mlflow.links
        # A shipping process that an earlier end of this sweep left may have cleared it.
        self.leftovers.mark(self.lease.sweep)
        if not shown:
            log.warning("MLflow has not taken everything; the spools are kept and shipped later")

    def _prepared(self, device: str) -> Prepared:
        if self.book.story.prepared is None:
            found = prepare(self.spec, self.settings, device)
            costs = self.client.costs(self.lease.sweep).items
            share = self.settings.share_gpus
            self.book.append(place(found, self.spec, costs, share=share))
        ask = partial(self.client.past, self.lease.sweep)
        past = past_curves(self.spec, self.book.entries, ask)
        if past is not None:
            self.book.append(past)
        prepared = self.book.story.prepared
        assert prepared is not None  # noqa: S101 - appended just above
        return prepared

    def _resources(self, prepared: Prepared) -> dict[str, float]:
        # What ran once would fit again: a node that is away now does not make the spec wrong.
        ran = any(record.attempts for record in self.book.story.trials.values())
        there = largest_node() if prepared.ranks > 1 else cluster_resources()
        return trial_resources(self.spec, prepared, {} if ran else there)

    def _conductor(self, prepared: Prepared) -> Conductor:
        story = self.book.story
        stages = stages_in(self.spec, story)
        searcher = make_searcher(self.spec, prepared.horizon_samples, stages)
        pruner = make_pruner(self.spec)
        judge = partial(verdict, self.spec, pruner)
        part, append = parting(pruner), self.book.append
        return Conductor(self.spec, story, searcher, judge, append, pruner.revive, part)

    def _end_when_lost(self) -> None:
        """Whatever this driver is at, from a moment on nothing of it may land."""
        self.keeper.lost.wait()
        log.error("another driver may hold %s: stopping without a word", self.lease.sweep)
        os._exit(LOST_LEASE)

    def _stored(self, entry: Entry) -> None:
        if self.mlflow is not None:
            self.mlflow.take(entry)
            links = self.keeper.tracking = self.mlflow.links
            self.redraw.look(links.run_id if links else None)


def main(read: Callable[[], str] = sys.stdin.read) -> int:
    """Read the lease, drive, say how it ended by the exit code: 0, 1, NOT_WRITTEN, LOST_LEASE."""
    start_logging()
    settings = WorkerSettings()
    lease = Lease.model_validate_json(read())
    try:
        drive = Drive(lease, settings, settings.ray_address_or_fail())
        leave_at_sigterm(drive.leave)
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


def leave_at_sigterm(leave: threading.Event) -> None:
    """SIGTERM sets `leave`, from now on."""
    signal.signal(signal.SIGTERM, lambda *_: leave.set())


if __name__ == "__main__":
    sys.exit(main())
