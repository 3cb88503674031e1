from __future__ import annotations

import os
import threading
from pathlib import Path
from typing import Any

import pytest
from tests_support import TOY, toy_spec

from service.client import Client
from service.schemas import Lease
from sweeps.conductor import Command, Conductor, Mode
from sweeps.journal import Prepared
from sweeps.searchers import make_searcher
from sweeps.trial import GO_ON, Action, Report, StepRecord
from sweeps.windows import make_window
from workers.book import Book
from workers.lease import LOST_LEASE, LeaseKeeper
from workers.order import AttemptOrder, OrderMaker
from workers.settings import WorkerSettings
from workers.tune.steering import Steering

SWEEP = "swp_" + "2" * 32


def make_steering(folder: Path, slots: int = 2, per_trial: float = 1, **resources: int) -> Steering:
    spec = toy_spec(resources=resources)
    book = Book(folder / "journal.jsonl", [])
    prepared = Prepared(horizon_samples=320, devices_per_trial=per_trial)
    book.append(prepared)
    searcher = make_searcher(spec, 320)
    conductor = Conductor(spec, book.story, searcher, lambda *_: GO_ON, book.append)
    fields = {"sweep": SWEEP, "spec": {}, "state": "RUNNING", "token": 1, "slots": slots}
    more = {"expires_in": 30, "renew_every": 5, "commands": [], "tracking": None}
    keeper = LeaseKeeper(Client("http://127.0.0.1:9"), Lease.model_validate({**fields, **more}))
    maker = OrderMaker(SWEEP, spec, prepared, WorkerSettings(storage=folder, recipes=TOY), None)
    return Steering(conductor, maker, keeper, threading.Event())


def launched(steering: Steering) -> AttemptOrder:
    config = steering.launch()
    assert config is not None
    return AttemptOrder.model_validate_json(config["order"])


@pytest.mark.parametrize(
    ("slots", "per_trial", "cap", "running"),
    [(4, 1, None, 4), (4, 2, None, 2), (1, 0.25, None, 4), (4, 1, 3, 3), (1, 8, None, 1)],
)
def test_slots_are_devices_and_max_parallel_caps_them(
    tmp_path: Path, slots: int, per_trial: float, cap: int | None, running: int
) -> None:
    steering = make_steering(tmp_path, slots, per_trial)
    steering._keeper.max_parallel = cap
    steering.tick()
    assert steering.conductor.slots == running


def test_a_limit_that_a_user_raised_or_took_away_is_not_the_specs(tmp_path: Path) -> None:
    steering = make_steering(tmp_path, slots=4, max_parallel=1)
    for limit, running in ((1, 1), (3, 3), (None, 4)):
        steering._keeper.max_parallel = limit
        steering.tick()
        assert steering.conductor.slots == running


def test_commands_and_the_wish_to_leave_are_taken_in(tmp_path: Path) -> None:
    steering = make_steering(tmp_path)
    steering.tick()
    order = launched(steering)
    steering._keeper.commands.put(Command("c", "stop_trial", order.number))
    steering._leave.set()
    steering.tick()
    assert steering.conductor.mode is Mode.LEAVE
    assert steering.result(order, {"kind": "pulse"}) is Action.STOP
    steering.over(order, {"kind": "pulse", "samples": 32, "seconds": 1.5})
    record = steering.conductor.story.trials[order.number]
    assert (record.state, record.reason) == ("STOPPED", "user")
    assert record.attempts[0].samples == 32


def test_a_report_travels_as_text_and_the_end_finishes(tmp_path: Path) -> None:
    steering = make_steering(tmp_path)
    steering.tick()
    order = launched(steering)
    step = StepRecord(1, 64, 1, float("inf"), 1.0, 0.1)
    report = Report(point=1, samples=64, step=1, window=make_window([step]))
    text = {"kind": "report", "report": report.model_dump_json()}
    assert steering.result(order, text) is Action.CONTINUE
    assert steering.conductor.story.trials[0].reports[1].window.non_finite == 1
    steering.over(order, {"kind": "finished", "samples": 320, "seconds": 2.0})
    assert steering.conductor.story.trials[0].state == "DONE"


def test_the_next_attempt_is_told_what_the_journal_has(tmp_path: Path) -> None:
    steering = make_steering(tmp_path)
    steering.tick()
    order = launched(steering)
    assert order.heard == 0
    report = Report(
        point=2, samples=64, step=1, window=make_window([StepRecord(1, 64, 1, 1, 1, 1)])
    )
    steering.result(order, {"kind": "report", "report": report.model_dump_json()})
    steering.broke(order, "It vanished.", raised=False, fatal=False)
    again = launched(steering)
    assert (again.number, again.attempt, again.heard) == (order.number, 2, 2)


def test_checkpoints_of_a_trial_that_ended_while_it_waited_go_too(tmp_path: Path) -> None:
    steering = make_steering(tmp_path)
    steering.tick()
    waiting, running = launched(steering), launched(steering)
    for order in (waiting, running):
        (Path(order.folder) / "checkpoints" / "step-00000001").mkdir(parents=True)
    steering.saved(waiting, {"samples": 32})
    steering.conductor.command(Command("c", "stop_trial", waiting.number))
    assert steering.conductor.story.trials[waiting.number].state == "STOPPED"
    steering.tidy_all()
    assert not (Path(waiting.folder) / "checkpoints").exists()
    assert (Path(running.folder) / "checkpoints").exists()


@pytest.mark.parametrize(("said", "kept"), [({}, True), ({"saves": False}, False)])
def test_the_journal_knows_whether_a_paused_trial_has_a_state(
    tmp_path: Path, said: dict[str, Any], kept: bool
) -> None:
    steering = make_steering(tmp_path)
    steering.tick()
    order = launched(steering)
    steering.saved(order, {"samples": 32, **said})
    (attempt,) = steering.conductor.story.trials[order.number].attempts
    assert (attempt.samples, attempt.kept) == (32, kept)


def folder_of(order: AttemptOrder) -> Path:
    return Path(order.folder) / "checkpoints"


@pytest.mark.parametrize("cancelled", [True, False])
def test_a_failed_trial_keeps_its_checkpoint_until_a_cancel(
    tmp_path: Path, cancelled: bool
) -> None:
    steering = make_steering(tmp_path, slots=3)
    steering.tick()
    failed, done, stopped = (launched(steering) for _ in range(3))
    for order in (failed, done, stopped):
        (folder_of(order) / "step-00000001").mkdir(parents=True)
    steering.broke(failed, "Boom", raised=True, fatal=True)
    steering.over(done, {"kind": "finished", "samples": 320, "seconds": 2.0})
    steering.conductor.command(Command("s", "stop_trial", stopped.number))
    steering.over(stopped, {"kind": "pulse"})
    trials = steering.conductor.story.trials
    assert [trials[n].state for n in range(3)] == ["FAILED", "DONE", "STOPPED"]
    if cancelled:
        steering._keeper.commands.put(Command("c", "cancel"))
        steering.tick()
    steering.tidy_all()
    assert not folder_of(done).exists()
    assert not folder_of(stopped).exists()
    assert folder_of(failed).exists() != cancelled


def test_a_finished_trial_keeps_its_checkpoint_until_a_better_one_comes(tmp_path: Path) -> None:
    steering = make_steering(tmp_path, slots=3)
    steering.tick()
    orders = [launched(steering) for _ in range(3)]
    step = StepRecord(20, 320, 1, 1.0, 1.0, 0.1)
    kept = []
    for order, final in zip(orders, (2.0, 1.0, 3.0), strict=True):
        (folder_of(order) / "step-00000020").mkdir(parents=True)
        metrics = {"eval_loss": final}
        report = Report(point=5, samples=320, step=20, window=make_window([step]), metrics=metrics)
        steering.result(order, {"kind": "report", "report": report.model_dump_json()})
        steering.over(order, {"kind": "finished", "samples": 320, "seconds": 2.0})
        steering.broom.sweep(rest_seconds=0)
        kept.append([o.number for o in orders if folder_of(o).exists()])
    assert kept == [[0], [1], [1]]


def test_a_retried_trial_runs_again_where_it_was(tmp_path: Path) -> None:
    steering = make_steering(tmp_path, slots=1)
    steering.tick()
    failed = launched(steering)
    steering.broke(failed, "Boom", raised=True, fatal=True)
    steering._keeper.commands.put(Command("r", "retry_trial", failed.number))
    steering._keeper.commands.put(Command("b", "set_budget", trials=1))
    steering.tick()
    again = launched(steering)
    assert (again.number, again.attempt, again.folder) == (failed.number, 2, failed.folder)
    assert steering.conductor.story.budget_trials == 1


def test_a_lost_lease_ends_the_process_without_a_word(tmp_path: Path) -> None:
    pid = os.fork()
    if pid == 0:
        steering = make_steering(tmp_path)
        steering._keeper.lost.set()
        steering.tick()
        os._exit(0)
    _, status = os.waitpid(pid, 0)
    assert os.waitstatus_to_exitcode(status) == LOST_LEASE
