from __future__ import annotations

import logging
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from mlflow import MlflowClient
from mlflow_server import MlflowServer
from stories import Script, make_report, plain
from tracking import history, runs_of, until

from sweeps.lifecycle import SweepState
from sweeps.spec import SweepSpec, parse
from sweeps.trial import Action, Verdict, trial_id
from workers.sinks import mlflow_sink
from workers.sinks.metric_shipper import MetricShipper
from workers.sinks.metric_spool import MetricSpool
from workers.sinks.mlflow_sink import Hope, MlflowSink
from workers.sinks.mlflow_writer import MlflowWriter

STOP = Verdict(action=Action.STOP, reason="median", message="worse than the median")
Make = Callable[[], MlflowSink]


@pytest.fixture
def spec(project: str) -> SweepSpec:
    data = plain()
    data["metadata"]["project"] = project
    return parse(data)


@pytest.fixture
def make(server: MlflowServer, spec: SweepSpec, sweep_id: str, tmp_path: Path) -> Make:
    return lambda: MlflowSink(server.uri, sweep_id, spec, tmp_path, pace_seconds=0.05)


def give(sink: MlflowSink, script: Script, first: int = 0) -> None:
    for entry in script.entries[first:]:
        sink.take(entry)


def test_a_sweep_with_its_workers_from_start_to_end(
    make: Make,
    server: MlflowServer,
    client: MlflowClient,
    project: str,
    sweep_id: str,
    tmp_path: Path,
) -> None:
    sink, script = make(), Script()
    shipper = MetricShipper(server.uri, poll_seconds=0.05)
    given = 0
    for number in range(3):
        script.ask(learning_rate=0.1 * (number + 1))
        path = tmp_path / "trials" / f"{number:05d}" / "metrics.jsonl"
        shipper.watch(trial_id(sweep_id, number), path)
        spool, last = MetricSpool(path), 40 if number == 1 else 100
        for step in range(1, last + 1):
            spool.append(step * 10, {"loss": 1 / step})
        spool.close()
        shipper.release(trial_id(sweep_id, number))
        if number == 1:
            script.stop(number, 400, STOP)
        else:
            script.say(number, make_report(10, 1.0 + number))
            script.end(number)
        give(sink, script, given)
        given = len(script.entries)
    sink.finish(SweepState.DONE, "All trials ended.")
    assert sink.close(30)
    shipper.close(5)
    (parent,), children = runs_of(client, project, sweep_id)
    assert parent.info.status == "FINISHED"
    assert sink.links is not None
    assert sink.links.run_id == parent.info.run_id
    assert (sink.links.url or "").startswith(server.uri)
    assert [run.info.status for run in children] == ["FINISHED", "KILLED", "FINISHED"]
    assert children[1].data.tags["sweep.prune.reason"] == "median"
    counts = [len(history(client, run.info.run_id)) for run in children]
    assert counts == [100, 40, 100]


def test_with_mlflow_away_at_the_start_nothing_waits_and_nothing_is_lost(
    make: Make,
    server: MlflowServer,
    client: MlflowClient,
    project: str,
    sweep_id: str,
    caplog: pytest.LogCaptureFixture,
) -> None:
    server.kill()
    script = Script()
    for _ in range(20):
        script.run(3.0, 2.0)
    began = time.monotonic()
    sink, other = make(), make()
    with caplog.at_level(logging.WARNING):
        give(sink, script)
        give(other, script)
        assert sink.links is None
        assert time.monotonic() - began < 2, "take must not wait for MLflow"
        assert not other.close(0.5)
    assert "MLflow does not take the sweep" in caplog.text
    server.start()
    until(lambda: sink.links is not None, 60)
    assert sink.close(30)
    (_,), children = runs_of(client, project, sweep_id)
    assert [run.info.status for run in children] == ["FINISHED"] * 20


def test_closing_waits_as_long_as_mlflow_takes_something(
    make: Make, client: MlflowClient, project: str, sweep_id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    slow = MlflowWriter._write_child

    def write_child(*args: Any, **kwargs: Any) -> None:
        time.sleep(0.3)
        slow(*args, **kwargs)

    monkeypatch.setattr(MlflowWriter, "_write_child", write_child)
    script = Script()
    for _ in range(10):
        script.run(3.0, 2.0)
    sink = make()
    give(sink, script)
    sink.finish(SweepState.DONE, "")
    began = time.monotonic()
    assert sink.close(2.0)
    assert time.monotonic() - began > 2.0, "it must have taken longer than it may be silent"
    (parent,), children = runs_of(client, project, sweep_id)
    assert [run.info.status for run in [parent, *children]] == ["FINISHED"] * 11


def test_a_replay_into_a_new_sink_doubles_nothing(
    make: Make, client: MlflowClient, project: str, sweep_id: str
) -> None:
    script = Script()
    script.run(3.0, 2.0)
    number = script.ask()
    first = make()
    give(first, script)
    assert first.close(30)
    script.say(number, make_report(10, 1.0))
    script.end(number)
    for _ in range(2):
        again = make()
        give(again, script)
        again.finish(SweepState.DONE, "")
        assert again.close(30)
    (parent,), children = runs_of(client, project, sweep_id)
    assert len(children) == 2
    best = history(client, parent.info.run_id, "best_eval_loss")
    assert [value for _, value in best] == [3.0, 2.0, 1.0]
    finished = history(client, parent.info.run_id, "trials_finished")
    assert [value for _, value in finished] == [1.0, 2.0]


def test_a_driver_that_may_have_lost_its_sweep_makes_no_runs_beside_its_heir_s(
    make: Make,
    server: MlflowServer,
    spec: SweepSpec,
    client: MlflowClient,
    project: str,
    sweep_id: str,
    tmp_path: Path,
) -> None:
    """It was frozen with trials to show, and wakes up when another has shown them."""
    mine, script = True, Script()
    script.run(3.0)
    frozen = MlflowSink(server.uri, sweep_id, spec, tmp_path, None, 0.05, ours=lambda: mine)
    give(frozen, script)
    until(lambda: len(runs_of(client, project, sweep_id)[1]) == 1)
    mine = False
    script.run(2.0)
    give(frozen, script, 5)
    time.sleep(0.5)
    assert len(runs_of(client, project, sweep_id)[1]) == 1
    heir = make()
    give(heir, script)
    assert heir.close(30)
    frozen.close(1)
    # It was late in renewing, and nobody had taken over: what is there is not made again.
    late = MlflowSink(server.uri, sweep_id, spec, tmp_path, None, 0.05, ours=lambda: mine)
    give(late, script)
    time.sleep(0.5)
    mine = True
    assert late.close(30)
    parents, children = runs_of(client, project, sweep_id)
    assert (len(parents), len(children)) == (1, 2)


def test_a_journal_with_a_gap_is_reported_and_not_shown(
    make: Make, caplog: pytest.LogCaptureFixture
) -> None:
    script = Script()
    script.run(3.0)
    sink = make()
    sink.take(script.entries[0])
    sink.take(script.entries[2])
    assert not sink.close(30)
    assert "gap" in caplog.text


def test_closing_does_not_wait_for_an_mlflow_that_only_fails(
    spec: SweepSpec, sweep_id: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mlflow_sink, "HOPELESS_SECONDS", 0.5)
    script = Script()
    script.run(3.0)
    sink = MlflowSink("http://127.0.0.1:9", sweep_id, spec, tmp_path, pace_seconds=0.05)
    give(sink, script)
    time.sleep(1.0)  # it has failed for longer than that already: closing counts anew
    sink.finish(SweepState.DONE, "")
    began = time.monotonic()
    assert not sink.close(60)
    assert 0.5 < time.monotonic() - began < 10


def test_hope_is_lost_when_all_tries_fail_and_nothing_moves(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    now = iter(range(100))
    monkeypatch.setattr(mlflow_sink.time, "monotonic", lambda: next(now))
    hope = Hope(3)
    assert not any(hope.lost(True, 0) for _ in range(3))
    assert not hope.lost(True, 1), "a run was taken"
    assert not hope.lost(False, 1), "a try went well"
    tries = [hope.lost(True, 1) for _ in range(8)]
    assert tries == sorted(tries), "once lost, it stays lost"
    assert (tries[0], tries[-1]) == (False, True)
