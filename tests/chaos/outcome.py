"""What is left of a sweep when it is over: in the service, in its journal, in MLflow."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

import mlflow
from mlflow.entities import Run, ViewType

from service.schemas import SweepDetail, SweepReport, Trial
from sweeps.journal import Entry, Story, fold
from sweeps.spec import SweepSpec, parse
from sweeps.trial import Report
from tests.chaos.world import World

# Made by the wall clock, so equal in no two runs.
TIMED = {"seconds", "tokens_per_second"}
Point = tuple[int, str, int]


@dataclass(frozen=True)
class Numbers:
    """All that a sweep measured and that the clock does not make: finals by trial and reports by
    (trial, point), written in full; the values that MLflow holds of (trial, key, step); and what
    the checkpoints that trials left for each other were seen to hold."""

    finals: Mapping[int, str]
    reports: Mapping[tuple[int, int], str]
    points: Mapping[Point, Counter[str]]
    shared: Mapping[str, set[str]]


@dataclass(frozen=True)
class Outcome:
    """One sweep; `finals`, `points` and `shared` as in `Numbers`, `runs` by trial."""

    detail: SweepDetail
    spec: SweepSpec
    entries: list[Entry]
    story: Story
    trials: dict[int, Trial]
    reports: dict[tuple[int, int], list[SweepReport]]
    finals: dict[int, str]
    parents: list[Run]
    runs: dict[int, list[Run]]
    points: dict[Point, Counter[str]]
    shared: Mapping[str, set[str]]

    @property
    def numbers(self) -> Numbers:
        """What an undisturbed run of the same sweep has to equal."""
        reports = {
            (number, point): untimed(report)
            for number, record in self.story.trials.items()
            for point, report in record.reports.items()
        }
        return Numbers(self.finals, reports, self.points, self.shared)


def untimed(report: Report) -> str:
    """Everything that was measured but the speed."""
    window = report.window.model_copy(update={"tokens_per_second": None})
    return report.model_copy(update={"window": window}).model_dump_json()


def shown(world: World, sweep_id: str) -> bool:
    """Whether MLflow has a sweep to its end: its run ends after everything else."""
    parents, _ = _runs(mlflow.MlflowClient(world.tracking_uri), sweep_id)
    return bool(parents) and all(run.info.status == "FINISHED" for run in parents)


def gather(world: World, sweep_id: str, shared: Mapping[str, set[str]]) -> Outcome:
    """Everything about a sweep, after the storm."""
    client = world.client
    entries = list(client.entries(sweep_id))
    reports: dict[tuple[int, int], list[SweepReport]] = {}
    for line in client.every_report(sweep_id):
        reports.setdefault((line.number, line.report.point), []).append(line)
    tracking = mlflow.MlflowClient(world.tracking_uri)
    parents, runs = _runs(tracking, sweep_id)
    detail = client.get_sweep(sweep_id)
    return Outcome(
        detail=detail,
        spec=parse(detail.spec),
        entries=entries,
        story=fold(entries),
        trials={trial.number: trial for trial in client.every_trial(sweep_id)},
        reports=reports,
        finals={row.trial: row.final.hex() for row in client.result(sweep_id).ranking},
        parents=parents,
        runs=runs,
        points=_points(tracking, runs),
        shared=shared,
    )


def _runs(client: mlflow.MlflowClient, sweep_id: str) -> tuple[list[Run], dict[int, list[Run]]]:
    """The parents and the children by trial number, deleted ones too."""
    experiment = client.get_experiment_by_name("default")
    assert experiment is not None
    found = client.search_runs(
        [experiment.experiment_id],
        f"tags.`sweep.id` = '{sweep_id}'",
        run_view_type=ViewType.ALL,
        max_results=1000,
    )
    runs: dict[int, list[Run]] = {}
    for run in found:
        if "sweep.trial_number" in run.data.tags:
            runs.setdefault(int(run.data.tags["sweep.trial_number"]), []).append(run)
    return [run for run in found if "sweep.trial_number" not in run.data.tags], runs


def _points(client: mlflow.MlflowClient, runs: dict[int, list[Run]]) -> dict[Point, Counter[str]]:
    points: dict[Point, Counter[str]] = {}
    for number, same in runs.items():
        for run in same:
            for key in sorted(set(run.data.metrics) - TIMED):
                for point in client.get_metric_history(run.info.run_id, key):
                    place = points.setdefault((number, key, int(point.step)), Counter())
                    place[float(point.value).hex()] += 1
    return points
