"""One way to log for agents and drivers: a line each on stderr, libraries only when they warn."""

from __future__ import annotations

import logging
import warnings


def start_logging() -> None:
    """Set up logging for this process."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(name)s %(message)s")
    logging.getLogger("httpx").setLevel(logging.WARNING)
    # Tune looks for files that its switched-off loggers would have written.
    logging.getLogger("ray.tune.analysis.experiment_analysis").setLevel(logging.ERROR)
    warnings.filterwarnings("ignore", message=".*TUNE_RESULT_BUFFER_LENGTH is set.*")
