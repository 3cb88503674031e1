"""Brings MLflow up to a chronicle: experiment, a run for the sweep, a run for each trial."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from mlflow import MlflowClient

from service.schemas import Tracking
from sweeps.lifecycle import TRIAL_ENDS, SweepState
from sweeps.result import make_result
from sweeps.trial import trial_id
from workers.sinks.metric_shipper import ship_rest
from workers.sinks.mlflow_api import Trouble, find_runs, legal_name, refused
from workers.sinks.mlflow_chronicle import Chronicle
from workers.sinks.mlflow_links import (
    DRAWN_AT_ONCE,
    FIGURES,
    VIEW_TAG,
    artifact_link,
    charts_link,
    run_link,
    shared_view,
    view_link,
)
from workers.sinks.mlflow_note import Pages, note
from workers.sinks.mlflow_runs import (
    CHECKPOINT,
    RUNNING,
    KnownRun,
    bring,
    conclude,
    known,
    make_run,
)
from workers.sinks.mlflow_sweep import state_of, sweep_picture, winner_yaml
from workers.sinks.mlflow_trial import trial_picture

# Without this tag the experiment opens in GenAI mode, which has no charts.
KIND_TAG, KIND = "mlflow.experimentKind", "custom_model_development"

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class End:
    """How the sweep ended, or was left; `weights` says where those of its best trials lie."""

    state: SweepState
    message: str
    weights: Mapping[int, str] = field(default_factory=dict)


@dataclass
class _Opened:
    """The experiment and the runs that MLflow has of this sweep."""

    experiment_id: str
    parent: KnownRun
    # By trial id.
    children: dict[str, KnownRun]


class MlflowWriter:
    """Writes only what differs from what MLflow has, so to write twice changes nothing.

    Runs are found by the tags `sweep.id` and `sweep.trial_id`. What MLflow has is asked once and
    then remembered; after any trouble it is asked again.
    """

    def __init__(
        self,
        client: MlflowClient,
        sweep_id: str,
        storage: Path,
        ui_url: str | None,
        now: Callable[[], int],
    ) -> None:
        """`storage` is the sweep's folder, `now` gives ms since the epoch."""
        self._client, self._sweep_id, self._storage = client, sweep_id, storage
        self._ui_url, self._now = ui_url, now
        self._opened: _Opened | None = None
        self._parent_run_id: str | None = None
        self._left_artifact = self._has_view = False
        self.links: Tracking | None = None
        # Trials' runs brought up to date so far, each time counted.
        self.taken = 0

    def write(self, chronicle: Chronicle, end: End | None) -> None:
        """Bring MLflow up to date; empties `chronicle.touched`. Raises one of
        `mlflow_api.Trouble`, with everything unwritten still touched: call again."""
        try:
            opened = self._opened = self._opened or self._open(chronicle)
            self._write_children(chronicle, opened, end)
            self._write_parent(chronicle, opened, end)
        except Trouble:
            self._opened = None
            raise

    def _open(self, chronicle: Chronicle) -> _Opened:
        experiment = self._experiment(chronicle.spec.metadata.project)
        runs = list(find_runs(self._client, [experiment], {"sweep.id": self._sweep_id}))
        children: dict[str, KnownRun] = {}
        parent: KnownRun | None = None
        # Oldest first: should two drivers ever have made one each, all of them take the same.
        for run in map(known, runs):
            if "sweep.trial_id" in run.tags:
                children.setdefault(run.tags["sweep.trial_id"], run)
            elif parent is None:
                parent = run
        if parent is None:
            picture = sweep_picture(
                chronicle, self._sweep_id, SweepState.RUNNING, "", self._now(), 0
            )
            parent = make_run(self._client, experiment, picture)
        if parent.run_id != self._parent_run_id:
            chronicle.touched.update(chronicle.story.trials)
        self._parent_run_id = parent.run_id
        opened = _Opened(experiment, parent, children)
        charts = self._pages(chronicle, opened).charts
        self.links = Tracking(experiment_id=experiment, run_id=parent.run_id, url=charts)
        return opened

    def _experiment(self, name: str) -> str:
        found = self._client.get_experiment_by_name(name)
        if found is None:
            return str(self._client.create_experiment(name, tags={KIND_TAG: KIND}))
        if found.lifecycle_stage == "deleted":
            # Its name is taken as long as it lies in the bin.
            _log.warning("the MLflow experiment %s was deleted; it is restored", name)
            self._client.restore_experiment(found.experiment_id)
        if KIND_TAG not in found.tags:
            self._client.set_experiment_tag(found.experiment_id, KIND_TAG, KIND)
        return str(found.experiment_id)

    def _write_children(self, chronicle: Chronicle, opened: _Opened, end: End | None) -> None:
        if end is not None and _over(end):
            story, marked = chronicle.story.trials, self._marked(opened)
            chronicle.touched |= {n for n, r in story.items() if r.state not in TRIAL_ENDS}
            chronicle.touched |= (end.weights.keys() | marked) & story.keys()
        trouble: Exception | None = None
        for number in sorted(chronicle.touched):
            try:
                self._write_child(chronicle, opened, number, end)
            except Trouble as error:
                if not refused(error):
                    raise
                # Its run was deleted, say. The others shall not wait for it.
                trouble = error
            else:
                chronicle.touched.discard(number)
                self.taken += 1
        if trouble is not None:
            raise trouble

    def _write_child(
        self, chronicle: Chronicle, opened: _Opened, number: int, end: End | None
    ) -> None:
        over = end is not None and _over(end)
        picture = trial_picture(chronicle, self._sweep_id, number, opened.parent.run_id, over=over)
        if end is not None and number in end.weights:
            picture = replace(picture, tags={**picture.tags, CHECKPOINT: end.weights[number]})
        name = trial_id(self._sweep_id, number)
        if name not in opened.children:
            opened.children[name] = make_run(self._client, opened.experiment_id, picture)
        run = opened.children[name]
        if picture.status not in (RUNNING, run.status):
            spool = self._storage / "trials" / f"{number:05d}" / "metrics.jsonl"
            ship_rest(self._client, run.run_id, spool)
        bring(self._client, run, picture)
        conclude(self._client, run, picture)

    def _marked(self, opened: _Opened) -> set[int]:
        """Trials whose runs say where a checkpoint lies, which may not be so any more."""
        runs = [run for run in opened.children.values() if CHECKPOINT in run.tags]
        return {int(run.tags["sweep.trial_number"]) for run in runs}

    def _write_parent(self, chronicle: Chronicle, opened: _Opened, end: End | None) -> None:
        state = end.state if end else state_of(chronicle)
        pages = self._pages(chronicle, opened)
        if self.links is not None:
            self.links = self.links.model_copy(update={"url": pages.charts})
        message = end.message if end else ""
        text = note(chronicle.spec, chronicle.story, self._sweep_id, state, message, pages)
        picture = sweep_picture(chronicle, self._sweep_id, state, text, 0, self._now())
        bring(self._client, opened.parent, picture)
        if end is not None and _over(end):
            self._leave_winner(chronicle, opened)
        conclude(self._client, opened.parent, picture)

    def _leave_winner(self, chronicle: Chronicle, opened: _Opened) -> None:
        found = make_result(chronicle.spec, chronicle.story)
        best = found.best
        if best is None or self._left_artifact:
            return
        self._left_artifact = True
        taken = next((row for row in found.ranking if row.trial == found.recommended), best)
        text = winner_yaml(chronicle.spec, taken.params)
        if taken.trial != best.trial:
            told = f"trial {best.trial} has the better mean, by no more than noise, and is slower"
            text = f"# Trial {taken.trial} is recommended: {told}.\n{text}"
        try:
            self._client.log_text(opened.parent.run_id, text, "winner.yaml")
        # An artifact store raises what its own library raises (boto3, azure ...), and without it
        # the sweep has ended all the same.
        except Exception as error:  # noqa: BLE001
            _log.warning("winner.yaml of %s was not stored: %s", self._sweep_id, error)

    def _pages(self, chronicle: Chronicle, opened: _Opened) -> Pages:
        url, experiment = self._ui_url, opened.experiment_id
        if url is None:
            return Pages()
        runs = {n: opened.children.get(trial_id(self._sweep_id, n)) for n in chronicle.story.trials}
        return Pages(
            charts=self._charts(chronicle, opened, url),
            figures=artifact_link(url, experiment, opened.parent.run_id, FIGURES),
            trials={n: run_link(url, experiment, run.run_id) for n, run in runs.items() if run},
        )

    def _charts(self, chronicle: Chronicle, opened: _Opened, url: str) -> str:
        """The link to all curves. Beyond the trials that MLflow draws by itself it needs a view."""
        metric = chronicle.spec.spec.metric
        named = (opened.parent.run_id, legal_name(metric.name), metric.goal)
        if len(chronicle.story.trials) <= DRAWN_AT_ONCE:
            return charts_link(url, opened.experiment_id, *named)
        key = f"sweep-{self._sweep_id}"
        if not self._has_view:
            tag = f"{VIEW_TAG}{key}"
            self._client.set_experiment_tag(opened.experiment_id, tag, shared_view(*named))
            self._has_view = True
        return view_link(url, opened.experiment_id, key)


def _over(end: End) -> bool:
    return end.state in (SweepState.DONE, SweepState.CANCELLED, SweepState.FAILED)
