"""Brings to an end what a driver does not wait for: draws the figures of ended sweeps, shows in
MLflow what it missed, registers the winner, deletes checkpoints.

`python -m workers.shipping SWEEP...` is started by the agent, for sweeps that have ended and are
still marked (`workers.leftovers`). It may be killed at any moment and started again.
"""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Sequence

from service.client import Client
from service.errors import ServiceError
from service.schemas import SweepDetail
from sweeps.errors import SweepError
from sweeps.journal import fold
from sweeps.lifecycle import SWEEP_ENDS, SweepState
from sweeps.spec import parse
from workers.broom import Broom
from workers.champion import Registrar
from workers.figures.publish import publish
from workers.leftovers import Leftovers
from workers.logs import start_logging
from workers.settings import WorkerSettings
from workers.sinks.mlflow_api import connect
from workers.sinks.mlflow_sink import MlflowSink
from workers.weights import kept_weights, last_words

log = logging.getLogger(__name__)
# How long MLflow may take nothing, and the mirror of checkpoints may take, before the next try.
SILENCE_SECONDS = 60.0
MIRROR_SECONDS = 120.0
# Something is left: try again later (EX_TEMPFAIL).
LATER = 75


def ship(settings: WorkerSettings, client: Client, sweep_id: str) -> bool:
    """Bring one sweep to its end. True when its mark is gone, or is no longer ours to clear.

    Raises ServiceError.
    """
    marks = Leftovers(settings.storage)
    with marks.held(sweep_id) as mine:
        if not mine:
            return True
        found = client.get_sweep(sweep_id)
        if found.state not in SWEEP_ENDS:
            # A user retries it: its next driver shows everything.
            return True
        if not (_swept(settings, client, found) & _shown(settings, client, found)):
            return False
        marks.clear(sweep_id)
        log.info("%s is whole", sweep_id)
        return True


def _swept(settings: WorkerSettings, client: Client, found: SweepDetail) -> bool:
    """Delete the checkpoints that nothing needs, also those of a sweep that no driver closed."""
    spec, story = parse(found.spec), fold(client.entries(found.id))
    broom = Broom(settings, found.id, spec)
    complete = found.state in (SweepState.DONE, SweepState.CANCELLED)
    broom.look(story, cancelled=found.state == SweepState.CANCELLED, complete=complete)
    broom.sweep(rest_seconds=0)
    return broom.close(MIRROR_SECONDS)


def _shown(settings: WorkerSettings, client: Client, found: SweepDetail) -> bool:
    """Give MLflow the whole journal; it gets what it has not got, metrics of the spools too, the
    figures anew, and the winner as a model."""
    if not settings.tracking_uri:
        return True
    spec, entries = parse(found.spec), list(client.entries(found.id))
    folder = settings.sweep_folder(found.id)
    sink = MlflowSink(settings.tracking_uri, found.id, spec, folder, settings.mlflow_url)
    for entry in entries:
        sink.take(entry)
    weights = kept_weights(settings, found.id, spec, fold(entries))
    sink.finish(found.state, last_words(found.state, found.message, weights), weights)
    if not sink.close(SILENCE_SECONDS) or sink.links is None or sink.links.run_id is None:
        return False
    # After everything else: without pictures a sweep is whole all the same to whoever reads it.
    client, story = connect(settings.tracking_uri), fold(entries)
    drawn = publish(client, sink.links.run_id, spec, story)
    return Registrar(client, settings, found.id, spec, story).run(weights) and drawn


def main(sweeps: Sequence[str]) -> int:
    """Bring these sweeps to their ends. 0: none is left to do; LATER: some are."""
    start_logging()
    settings = WorkerSettings()
    left = 0
    with Client(settings.service_url, settings.token()) as client:
        for sweep_id in sweeps:
            try:
                left += not ship(settings, client, sweep_id)
            except (ServiceError, SweepError, OSError) as error:
                left += 1
                log.warning("%s is tried again later: %s", sweep_id, error)
    return LATER if left else 0


if __name__ == "__main__":
    # The next sweep trains already.
    os.nice(10)
    sys.exit(main(sys.argv[1:]))
