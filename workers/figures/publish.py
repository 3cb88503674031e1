"""The figures of a sweep as artifacts of its run in MLflow: a page of all and a PNG of each."""

from __future__ import annotations

import logging
import tempfile
from collections.abc import Sequence
from pathlib import Path

from mlflow import MlflowClient

from sweeps.journal import Story
from sweeps.spec import SweepSpec
from workers.figures.draw_html import draw_html
from workers.figures.draw_png import draw_png
from workers.figures.gallery import gallery
from workers.figures.shapes import Figure
from workers.sinks.mlflow_api import Trouble, refused
from workers.sinks.mlflow_links import FIGURES

FOLDER, PAGE = FIGURES.split("/")

_log = logging.getLogger(__name__)


def publish(client: MlflowClient, run_id: str, spec: SweepSpec, story: Story) -> bool:
    """Draw all figures and put them beside the run, over what lies there from an earlier time.

    False when MLflow was away and another try may help. A figure that cannot be drawn and an
    artifact store that refuses are told to the log, and no other try would help.
    """
    try:
        with tempfile.TemporaryDirectory(prefix="figures-") as folder:
            write(Path(folder), spec.metadata.name, gallery(spec, story))
            client.log_artifacts(run_id, folder, FOLDER)
    except Trouble as error:
        _log.warning("the figures are not in MLflow: %s", error)
        return refused(error)
    # An artifact store raises what its own library raises (boto3, azure ...), a drawing whatever a
    # library of drawing does; without pictures the sweep has ended all the same.
    except Exception:  # noqa: BLE001
        _log.exception("the figures of run %s could not be made", run_id)
    return True


def write(folder: Path, name: str, figures: Sequence[Figure]) -> list[Path]:
    """Draw into a folder: a PNG for each figure that has something to show, a page for all."""
    written = [folder / PAGE]
    written[0].write_text(draw_html(name, figures), encoding="utf-8")
    for figure in figures:
        if figure.panels:
            path = folder / f"{figure.name}.png"
            path.write_bytes(draw_png(figure))
            written.append(path)
    return written
