"""Where the final weights of a sweep's best trials lie."""

from __future__ import annotations

import logging
from collections.abc import Mapping

from sweeps.journal import Story
from sweeps.keeping import best_finished
from sweeps.lifecycle import SweepState
from sweeps.spec import SweepSpec
from workers.checkpoints import MANIFEST, step_name
from workers.mirror import Mirror
from workers.order import checkpoints_of, trial_folder
from workers.settings import WorkerSettings

log = logging.getLogger(__name__)


def kept_weights(
    settings: WorkerSettings, sweep_id: str, spec: SweepSpec, story: Story
) -> dict[int, str]:
    """The folder, or else the URL, of the final checkpoint of each trial that keeps it, the best
    trial first. A recipe that registered no state has none."""
    found: dict[int, str] = {}
    for number in best_finished(spec, story):
        last = story.trials[number].last_report
        name = step_name(last.step if last else 0)
        folder = checkpoints_of(trial_folder(settings.sweep_folder(sweep_id), number)) / name
        url = settings.mirror_of(sweep_id, number)
        if (folder / MANIFEST).exists():
            found[number] = str(folder)
        elif url is not None and _is_there(url, name):
            found[number] = f"{url}/{name}"
    return found


def told(weights: Mapping[int, str]) -> str:
    """A sentence on the best trial's weights; empty when there are none."""
    if not weights:
        return ""
    number, place = next(iter(weights.items()))
    return f"The weights of trial {number}: {place}"


def last_words(state: str, message: str, weights: Mapping[int, str]) -> str:
    """What MLflow's note says of the end. The note of a finished sweep has the recommendation
    already, which is the sweep's message; only the weights are new."""
    return told(weights) if state == SweepState.DONE else message


def _is_there(url: str, name: str) -> bool:
    try:
        return name in Mirror(url).names()
    # Each file system raises what its own library raises; the sweep has ended all the same.
    except Exception as error:  # noqa: BLE001
        log.warning("the mirror of checkpoints does not answer: %s", error)
        return False
