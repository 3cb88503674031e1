"""`python -m workers.figures SWEEP RUN`: the figures of a sweep that still runs, once.

Started by the sweep's driver now and then (`workers.figures.redraw`), so that the drawing takes
nothing from the process that trains and judges.
"""

from __future__ import annotations

import logging
import os
import signal
import sys

from service.client import Client
from service.errors import ServiceError
from sweeps.errors import SweepError
from sweeps.journal import fold
from sweeps.spec import parse
from workers.figures.publish import publish
from workers.logs import start_logging
from workers.settings import WorkerSettings
from workers.sinks.mlflow_api import connect

LIMIT_SECONDS = 300

log = logging.getLogger(__name__)


def main(sweep_id: str, run_id: str) -> int:
    """0: they are there; 1: not this time."""
    settings = WorkerSettings()
    if not settings.tracking_uri:
        return 1
    try:
        with Client(settings.service_url, settings.token()) as client:
            spec, story = parse(client.get_sweep(sweep_id).spec), fold(client.entries(sweep_id))
        done = publish(connect(settings.tracking_uri), run_id, spec, story)
    except (ServiceError, SweepError, OSError) as error:
        log.warning("no figures of %s this time: %s", sweep_id, error)
        return 1
    return 0 if done else 1


if __name__ == "__main__":
    # Training goes first; and whoever started this may be gone by now.
    os.nice(10)
    signal.alarm(LIMIT_SECONDS)
    start_logging()
    sys.exit(main(*sys.argv[1:3]))
