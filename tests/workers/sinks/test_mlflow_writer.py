from __future__ import annotations

import itertools
import json
from pathlib import Path

import pytest
from mlflow import MlflowClient
from mlflow_server import MlflowServer
from stories import Script, make_report, plain
from tracking import history, runs_of, write_steps

from sweeps.journal import CommandApplied
from sweeps.lifecycle import AttemptEnd, SweepState
from sweeps.spec import SweepSpec, parse, parse_text
from sweeps.trial import Action, Verdict
from workers.sinks.mlflow_api import Trouble
from workers.sinks.mlflow_chronicle import Chronicle
from workers.sinks.mlflow_writer import KIND, KIND_TAG, End, MlflowWriter

DONE = End(SweepState.DONE, "All trials ended.")
STOP = Verdict(action=Action.STOP, reason="median", message="worse than the median")


class Desk:
    """A writer over a script's journal, as one driver after the other has it."""

    def __init__(self, client: MlflowClient, project: str, sweep_id: str, folder: Path) -> None:
        data = plain()
        data["metadata"] = {"name": "a-sweep", "project": project}
        self.spec: SweepSpec = parse(data)
        self.client, self.project = client, project
        self.sweep_id, self.folder = sweep_id, folder
        self.script = Script()
        self._clock = itertools.count(1_000_000)
        self.restart()

    def restart(self) -> None:
        """A new driver: it remembers nothing."""
        self.chronicle = Chronicle(self.spec)
        ui = "http://mlflow"
        self.writer = MlflowWriter(
            self.client, self.sweep_id, self.folder, ui, lambda: next(self._clock)
        )

    def write(self, end: End | None = None) -> None:
        for entry in self.script.entries:
            self.chronicle.take(entry)
        self.writer.write(self.chronicle, end)

    def spool(self, number: int) -> Path:
        return self.folder / "trials" / f"{number:05d}" / "metrics.jsonl"

    def state(self) -> list[dict[str, object]]:
        """Everything that MLflow has of the sweep."""
        parents, children = runs_of(self.client, self.project, self.sweep_id)
        return [
            {**run.to_dictionary(), "points": {k: self._points(run, k) for k in run.data.metrics}}
            for run in parents + children
        ]

    def _points(self, run: object, key: str) -> list[tuple[int, int, float]]:
        found = self.client.get_metric_history(run.info.run_id, key)  # type: ignore[attr-defined]
        return [(m.step, m.timestamp, m.value) for m in found]


@pytest.fixture
def desk(client: MlflowClient, project: str, sweep_id: str, tmp_path: Path) -> Desk:
    return Desk(client, project, sweep_id, tmp_path)


def test_the_sweep_has_its_run_before_its_first_trial(desk: Desk, client: MlflowClient) -> None:
    desk.script.entries.clear()
    desk.write()
    (parent,), children = runs_of(client, desk.project, desk.sweep_id)
    assert not children
    experiment = client.get_experiment(parent.info.experiment_id)
    assert (experiment.name, experiment.tags[KIND_TAG]) == (desk.project, KIND)
    links = desk.writer.links
    assert links is not None
    assert (links.experiment_id, links.run_id) == (experiment.experiment_id, parent.info.run_id)
    assert links.url is not None
    assert links.url.startswith(f"http://mlflow/#/experiments/{experiment.experiment_id}/runs?")


def test_more_trials_than_mlflow_draws_get_a_view_that_draws_them_all(
    desk: Desk, client: MlflowClient
) -> None:
    for rate in range(1, 12):
        desk.script.ask(learning_rate=rate / 100)
    desk.write()
    links = desk.writer.links
    assert links is not None
    key = f"sweep-{desk.sweep_id}"
    assert (links.url or "").endswith(f"viewStateShareKey={key}")
    assert links.experiment_id is not None
    view = client.get_experiment(links.experiment_id).tags[f"mlflow.sharedViewState.{key}"]
    assert json.loads(view)["searchFilter"] == f"tags.mlflow.parentRunId = '{links.run_id}'"


def test_children_hang_under_their_parent(desk: Desk, client: MlflowClient) -> None:
    for rate in (0.1, 0.2):
        desk.script.ask(learning_rate=rate)
    desk.write()
    (parent,), children = runs_of(client, desk.project, desk.sweep_id)
    names = [child.info.run_name for child in children]
    assert names == ["t000 bs=10 lr=0.1", "t001 bs=10 lr=0.2"]
    assert {child.data.tags["mlflow.parentRunId"] for child in children} == {parent.info.run_id}
    assert [child.data.params["learning_rate"] for child in children] == ["0.1", "0.2"]
    assert {child.info.status for child in children} == {"RUNNING"}


def test_a_restarted_driver_changes_nothing_that_is_there(desk: Desk) -> None:
    desk.script.run(3.0, 2.0)
    write_steps(desk.spool(0), 1, 20)
    desk.script.stop(desk.script.ask(), 400, STOP)
    desk.script.say(desk.script.ask(), make_report(1, 4.0))
    desk.write()
    before = desk.state()
    assert len(before) == 4
    for _ in range(2):
        desk.restart()
        desk.write()
    assert desk.state() == before


def test_a_restarted_driver_goes_on_where_the_other_was(desk: Desk, client: MlflowClient) -> None:
    desk.script.run(3.0, 2.0)
    number = desk.script.ask()
    desk.write()
    desk.restart()
    desk.script.say(number, make_report(9, 1.5))
    desk.script.say(number, make_report(10, 1.0))
    desk.script.end(number)
    desk.write(DONE)
    (parent,), children = runs_of(client, desk.project, desk.sweep_id)
    assert [child.info.status for child in children] == ["FINISHED", "FINISHED"]
    assert parent.info.status == "FINISHED"
    best = history(client, parent.info.run_id, "best_eval_loss")
    assert [value for _, value in best] == [3.0, 2.0, 1.5, 1.0]
    assert [step for step, _ in best] == sorted({step for step, _ in best})


def test_the_last_points_come_before_the_terminal_status(
    desk: Desk, client: MlflowClient, server: MlflowServer
) -> None:
    desk.script.run(3.0)
    write_steps(desk.spool(0), 1, 50)
    desk.write()
    _, (child,) = runs_of(client, desk.project, desk.sweep_id)
    assert child.info.status == "FINISHED"
    assert len(history(client, child.info.run_id)) == 50
    # A spool that cannot be read now holds the status back.
    desk.script.run(3.0)
    desk.spool(1).parent.mkdir(parents=True)
    desk.spool(1).mkdir()
    with pytest.raises(Trouble):
        desk.write()
    assert runs_of(client, desk.project, desk.sweep_id)[1][1].info.status == "RUNNING"
    desk.spool(1).rmdir()
    write_steps(desk.spool(1), 1, 5)
    desk.write()
    child = runs_of(client, desk.project, desk.sweep_id)[1][1]
    assert (child.info.status, len(history(client, child.info.run_id))) == ("FINISHED", 5)


def test_a_revived_trial_is_running_again(desk: Desk, client: MlflowClient) -> None:
    number = desk.script.ask()
    park = STOP.model_copy(update={"action": Action.PAUSE})
    desk.script.say(number, make_report(2, 3.0), park)
    desk.script.end(number, AttemptEnd.PAUSED, 200)
    desk.write()
    _, (child,) = runs_of(client, desk.project, desk.sweep_id)
    assert (child.info.status, child.data.tags["sweep.state"]) == ("RUNNING", "PAUSED")
    assert child.data.tags["sweep.prune.reason"] == "median"
    desk.script.start(number)
    desk.write()
    _, (child,) = runs_of(client, desk.project, desk.sweep_id)
    assert (child.info.status, child.data.tags["sweep.state"]) == ("RUNNING", "RUNNING")
    assert "sweep.prune.reason" not in child.data.tags


@pytest.mark.parametrize(
    ("state", "status"),
    [
        (SweepState.DONE, "FINISHED"),
        (SweepState.CANCELLED, "KILLED"),
        (SweepState.FAILED, "FAILED"),
    ],
)
def test_the_end_of_a_sweep(
    desk: Desk, client: MlflowClient, state: SweepState, status: str
) -> None:
    desk.script.run(2.0, learning_rate=0.3)
    desk.script.ask()
    desk.write(End(state, "the last word"))
    (parent,), children = runs_of(client, desk.project, desk.sweep_id)
    assert (parent.info.status, parent.data.tags["sweep.state"]) == (status, state.value)
    assert "the last word" in parent.data.tags["mlflow.note.content"]
    assert [child.info.status for child in children] == ["FINISHED", "KILLED"]
    text = Path(client.download_artifacts(parent.info.run_id, "winner.yaml")).read_text()
    axes = parse_text(text).spec.parameters.axes
    assert axes["learning_rate"].model_dump()["values"] == [0.3]


def test_a_sweep_that_is_left_stays_open(desk: Desk, client: MlflowClient) -> None:
    desk.script.run(2.0)
    desk.write(End(SweepState.PAUSED, "paused by the user"))
    (parent,), _ = runs_of(client, desk.project, desk.sweep_id)
    assert (parent.info.status, parent.data.tags["sweep.state"]) == ("RUNNING", "PAUSED")
    assert not client.list_artifacts(parent.info.run_id)


def test_a_child_that_somebody_deleted_is_made_again_and_holds_nobody_up(
    desk: Desk, client: MlflowClient
) -> None:
    first, second = desk.script.ask(), desk.script.ask()
    desk.write()
    _, (child, _) = runs_of(client, desk.project, desk.sweep_id)
    client.delete_run(child.info.run_id)
    write_steps(desk.spool(first), 1, 5)
    for number in (first, second):
        desk.script.say(number, make_report(10, 1.0))
        desk.script.end(number)
    with pytest.raises(Trouble):
        desk.write()
    _, (other,) = runs_of(client, desk.project, desk.sweep_id)
    assert (other.data.tags["sweep.trial_number"], other.info.status) == ("1", "FINISHED")
    desk.write()
    _, children = runs_of(client, desk.project, desk.sweep_id)
    assert [run.info.status for run in children] == ["FINISHED", "FINISHED"]
    assert len(history(client, children[0].info.run_id)) == 5


def test_an_experiment_that_somebody_deleted_is_restored(desk: Desk, client: MlflowClient) -> None:
    number = desk.script.ask()
    desk.write()
    before = desk.state()
    client.delete_experiment(client.get_experiment_by_name(desk.project).experiment_id)
    desk.script.say(number, make_report(10, 1.0))
    desk.script.end(number)
    with pytest.raises(Trouble):
        desk.write()
    desk.write()
    after = desk.state()
    assert len(after) == len(before) == 2
    assert client.get_experiment_by_name(desk.project).lifecycle_stage == "active"


def test_when_the_parent_was_deleted_its_children_move_to_the_new_one(
    desk: Desk, client: MlflowClient
) -> None:
    desk.script.run(2.0)
    desk.write()
    (gone,), _ = runs_of(client, desk.project, desk.sweep_id)
    client.delete_run(gone.info.run_id)
    desk.script.ask()
    with pytest.raises(Trouble):
        desk.write()
    desk.write()
    (parent,), children = runs_of(client, desk.project, desk.sweep_id)
    assert parent.info.run_id != gone.info.run_id
    assert {child.data.tags["mlflow.parentRunId"] for child in children} == {parent.info.run_id}


def test_of_two_runs_for_one_trial_every_driver_takes_the_older(
    desk: Desk, client: MlflowClient
) -> None:
    desk.script.ask()
    desk.write()
    _, (child,) = runs_of(client, desk.project, desk.sweep_id)
    later = child.info.start_time + 1
    experiment = child.info.experiment_id
    twin = client.create_run(experiment, start_time=later, tags=dict(child.data.tags))
    desk.script.say(0, make_report(10, 1.0))
    desk.script.end(0)
    desk.restart()
    desk.write()
    assert client.get_run(child.info.run_id).info.status == "FINISHED"
    assert client.get_run(twin.info.run_id).info.status == "RUNNING"


def test_an_experiment_that_was_there_keeps_its_kind(desk: Desk, client: MlflowClient) -> None:
    client.create_experiment(desk.project, tags={KIND_TAG: "genai_development", "mine": "1"})
    desk.write()
    tags = client.get_experiment_by_name(desk.project).tags
    assert (tags[KIND_TAG], tags["mine"]) == ("genai_development", "1")


def test_a_trial_and_a_sweep_that_are_retried_run_again(desk: Desk, client: MlflowClient) -> None:
    number = desk.script.ask()
    desk.script.end(number, AttemptEnd.FAILED, 0, error="Boom", gave_up=True)
    desk.write(End(SweepState.FAILED, "Every trial failed."))
    (parent,), (child,) = runs_of(client, desk.project, desk.sweep_id)
    assert {parent.info.status, child.info.status} == {"FAILED"}
    desk.script.add(CommandApplied(command="r", kind="retry_trial", trial=number))
    desk.restart()
    desk.write()
    (parent,), (child,) = runs_of(client, desk.project, desk.sweep_id)
    assert {parent.info.status, child.info.status} == {"RUNNING"}
    desk.script.start(number)
    desk.script.end(number)
    desk.write(DONE)
    (parent,), (child,) = runs_of(client, desk.project, desk.sweep_id)
    assert {parent.info.status, child.info.status} == {"FINISHED"}


def test_the_run_of_a_trial_says_where_its_weights_are_as_long_as_they_are_there(
    desk: Desk,
) -> None:
    for final in (2.0, 1.0):
        desk.script.run(final)
    desk.write(End(SweepState.DONE, "The weights of trial 1: /a", {1: "/a"}))

    def tags() -> list[object]:
        _, children = runs_of(desk.client, desk.project, desk.sweep_id)
        return [run.data.tags.get("sweep.checkpoint") for run in children]

    assert tags() == [None, "/a"]
    (parent,), _ = runs_of(desk.client, desk.project, desk.sweep_id)
    assert "The weights of trial 1: /a" in parent.data.tags["mlflow.note.content"]
    # A retried trial came out better: the other's are deleted.
    desk.restart()
    desk.script.run(0.5)
    desk.write(End(SweepState.DONE, "", {2: "/b"}))
    assert tags() == [None, None, "/b"]
