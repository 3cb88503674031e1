"""One spool on its way to one MLflow run."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from mlflow import MlflowClient

from workers.sinks.metric_spool import Point, read_points
from workers.sinks.mlflow_api import METRICS_PER_BATCH, last_steps, legal_name, send_points


class MetricTail:
    """Sends what MLflow does not have yet, in order, each point once.

    What MLflow has is asked once, as the last step of each key; batches go in the order of the
    spool and each is taken whole or not at all, so that is enough. A batch whose answer was lost
    is sent again: MLflow drops points with equal key, time, step and value. For the same reason
    two tails on one spool (a worker's and the driver's) do no harm.
    """

    def __init__(self, path: Path, run_id: str) -> None:
        self._path, self._run_id = path, run_id
        self._offset = 0
        self._last: dict[str, int] | None = None

    def ship(self, client: MlflowClient) -> None:
        """Send everything up to the end of the spool. Raises one of `mlflow_api.Trouble`; call
        again, and it goes on where it was."""
        if self._last is None:
            self._last = last_steps(client.get_run(self._run_id))
        while True:
            points, offset = read_points(self._path, self._offset)
            fresh = list(_later(points, self._last))
            for start in range(0, len(fresh), METRICS_PER_BATCH):
                batch = fresh[start : start + METRICS_PER_BATCH]
                send_points(client, self._run_id, batch)
                self._last |= {legal_name(point.key): point.step for point in batch}
            if offset == self._offset:
                return
            self._offset = offset


def _later(points: list[Point], last: dict[str, int]) -> Iterator[Point]:
    """The points behind the last step of their key. A second writer of the same spool (a worker
    that was thought lost) may have repeated a step; the first line of it counts."""
    last = dict(last)
    for point in points:
        key = legal_name(point.key)
        if key not in last or point.step > last[key]:
            last[key] = point.step
            yield point
