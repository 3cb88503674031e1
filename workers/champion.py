"""The winner of a sweep that has ended, as a model in MLflow's registry."""

from __future__ import annotations

import json
import logging
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from mlflow import MlflowClient

from sweeps.champion import champion
from sweeps.journal import Story
from sweeps.metric import ranked_by
from sweeps.ranking import Ranked
from sweeps.result import Result, make_result
from sweeps.spec import SweepSpec
from sweeps.trial import trial_id
from workers.card import model_card
from workers.children import die_with_parent
from workers.settings import WorkerSettings
from workers.sinks.mlflow_api import Trouble, find_trial_run, refused
from workers.sinks.mlflow_registry import Entry, find, promote, register

log = logging.getLogger(__name__)
GIB = 2**30
CARD, FILE = "README.md", "adapter_config.json"
# With the waits between them (`workers.late`) they take more than an hour.
TRIES = 20
# The built-in recipe, whose checkpoints `workers.export` reads.
RECIPE = "sft"


class Unregistered(Exception):  # noqa: N818 - no error of ours: nothing is wrong with the sweep
    """The winner is not registered, for good: too large, or its checkpoint cannot be exported."""


class Registrar:
    """Exports and registers the winner of one ended sweep. Whatever is killed, it may run again."""

    def __init__(
        self,
        client: MlflowClient,
        settings: WorkerSettings,
        sweep_id: str,
        spec: SweepSpec,
        story: Story,
    ) -> None:
        self._client, self._settings, self._sweep_id = client, settings, sweep_id
        self._spec, self._story = spec, story
        self._result: Result = make_result(spec, story)

    def run(self, kept: Mapping[int, str]) -> bool:
        """Register the winner among the trials whose weights lie at `kept`, unless spec or settings
        say that none is.

        False when another try may help: MLflow was away, or its artifact store, which gets `TRIES`
        in all. What no other try would mend is told to the log.
        """
        body = self._spec.spec
        row = champion(self._result, kept)
        wanted = body.checkpoints.champion != "never" and self._settings.champion_gib > 0
        if row is None or not wanted or body.workload.recipe != RECIPE:
            return True
        folder = self._settings.sweep_folder(self._sweep_id) / "champion"
        try:
            self._register(row, kept[row.trial], folder)
        except Unregistered as reason:
            log.warning("the winner of %s is not registered: %s", self._sweep_id, reason)
        except Trouble as error:
            log.warning("the winner of %s is not in MLflow: %s", self._sweep_id, error)
            return refused(error)
        # An artifact store raises what its own library raises (boto3, azure ...), and nothing tells
        # one that is away from one that will never take this.
        except Exception:
            log.exception("the winner of %s could not be registered", self._sweep_id)
            return self._tried()
        finally:
            shutil.rmtree(folder, ignore_errors=True)
        return True

    def _tried(self) -> bool:
        """Count one try more, on disk, as each has a process of its own. True after the last."""
        place = self._settings.sweep_folder(self._sweep_id) / "champion.tries"
        place.parent.mkdir(parents=True, exist_ok=True)
        with place.open("a", encoding="ascii") as file:
            file.write(".")
            return file.tell() >= TRIES

    def _register(self, row: Ranked, checkpoint: str, folder: Path) -> None:
        entry = self._entry(row)
        version = find(self._client, entry)
        if version is None:
            self._export(checkpoint, folder)
            card = model_card(
                self._spec,
                self._story,
                self._result,
                self._sweep_id,
                row,
                adapter_of_base=_base_of(folder),
            )
            (folder / CARD).write_text(card, encoding="utf-8")
            version = register(self._client, entry, folder)
        alias = promote(self._client, entry, version)
        log.info("models:/%s/%s is the %s", entry.name, version.version, alias)

    def _entry(self, row: Ranked) -> Entry:
        run_id = find_trial_run(self._client, trial_id(self._sweep_id, row.trial))
        if run_id is None:
            raise Unregistered("its run is not in MLflow")
        prepared, metadata = self._story.prepared, self._spec.metadata
        metric = self._spec.spec.metric
        return Entry(
            name=f"{metadata.project}.{metadata.name}",
            sweep_id=self._sweep_id,
            trial=row.trial,
            run_id=run_id,
            experiment_id=self._client.get_run(run_id).info.experiment_id,
            metric=metric.model_copy(update={"name": ranked_by(self._spec).name}),
            value=row.mean,
            data_digest=prepared.data_digest if prepared else None,
            params={name: str(value) for name, value in row.params.items()},
        )

    def _export(self, checkpoint: str, folder: Path) -> None:
        """In a process of its own: it needs torch and the model's memory, and a GPU for nothing."""
        limit = self._settings.champion_gib
        if "://" not in checkpoint:
            # Looked at before a process is started for it.
            found = list(Path(checkpoint).glob("*model.safetensors"))
            if not found:
                raise Unregistered(f"{checkpoint} holds no model of the recipe {RECIPE}")
            _check_size(sum(path.stat().st_size for path in found), limit)
        shutil.rmtree(folder, ignore_errors=True)
        merged = ["--merged"] if self._spec.spec.checkpoints.champion == "merged" else []
        done = subprocess.run(
            [sys.executable, "-m", "workers.export", *merged, checkpoint, str(folder)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
            env={**os.environ, "CUDA_VISIBLE_DEVICES": "", "OMP_NUM_THREADS": "1"},
            preexec_fn=die_with_parent(),
        )
        if done.returncode != 0:
            last = done.stderr.strip().rpartition("\n")[2]
            raise Unregistered(f"the export ended with {done.returncode}: {last}")
        _check_size(sum(p.stat().st_size for p in folder.iterdir()), limit)


def _base_of(folder: Path) -> str | None:
    """What the adapter in a folder names its base; None where a whole model is."""
    if not (folder / FILE).exists():
        return None
    return str(json.loads((folder / FILE).read_text())["base_model_name_or_path"])


def _check_size(size: int, limit: float) -> None:
    if size > limit * GIB:
        raise Unregistered(
            f"it has {size / GIB:.3g} GiB, above SWEEP_CHAMPION_GIB={limit:g}; its checkpoint can "
            "be exported by hand"
        )
