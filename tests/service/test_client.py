"""The client against a real service: the whole path of a sweep, and the errors on the way."""

from __future__ import annotations

import threading

import pytest
from service_support import (
    AGENT,
    STOP,
    Host,
    Writer,
    asked,
    ended,
    make_offer,
    make_report,
    make_spec,
    reported,
    started,
    take,
)

from service.client import Client
from service.errors import (
    Forbidden,
    IllegalMove,
    Invalid,
    NotFound,
    ServiceError,
    StaleLease,
    Unauthenticated,
    Unreachable,
    Unsupported,
)
from service.schemas import LONGEST_MESSAGE, Event, Tracking
from sweeps.lifecycle import AttemptEnd, StopReason, SweepState, TrialState
from sweeps.spec import parse


def test_a_sweep_goes_its_whole_way(user: Client, agent: Client) -> None:
    sweep = user.create_sweep(make_spec())
    assert sweep.state is SweepState.QUEUED
    assert "No agent serves pool 'default'" in sweep.message
    lease = take(agent)
    assert (lease.sweep, lease.token, lease.slots) == (sweep.id, 1, 4)
    assert parse(lease.spec) == parse(make_spec())
    writer = Writer()
    agent.append(
        sweep.id, 1, writer.entries(asked(0), started(0), asked(1, learning_rate=0.2), started(1))
    )
    links = Tracking(experiment_id="7", run_id="abc", url="http://127.0.0.1:5000/#/x")
    assert agent.renew(sweep.id, 1, links).slots == 4
    stop = ended(1, AttemptEnd.STOPPED, stop_reason=StopReason.PRUNED, samples=64)
    rest = writer.entries(
        *(reported(0, make_report(k, eval_loss=1.0 / k)) for k in range(1, 6)),
        ended(0, samples=320, seconds=2.0),
        reported(1, make_report(1, eval_loss=3.0), STOP),
        stop,
    )
    assert agent.append(sweep.id, 1, rest) == writer.seq
    assert agent.finish(sweep.id, 1, "DONE", "all done").state is SweepState.DONE

    found = user.get_sweep(sweep.id)
    assert (found.state, found.message, found.driven) == (SweepState.DONE, "all done", False)
    assert found.trials == {TrialState.DONE: 1, TrialState.STOPPED: 1}
    assert found.tracking == links
    done, pruned = user.every_trial(sweep.id)
    assert (done.value, done.point, done.samples, done.attempts) == (0.2, 5, 320, 1)
    why = user.why(pruned.id)
    assert (why.state, why.reason, why.message) == (TrialState.STOPPED, "pruned", STOP.message)
    assert "nothing stopped it" in user.why(done.id).message
    detail = user.get_trial(done.id)
    assert [line.report.point for line in detail.reports] == [1, 2, 3, 4, 5]
    assert detail.history[0].ended == "finished"
    best = user.result(sweep.id).best
    assert best is not None
    assert best.trial == 0
    assert [entry.seq for entry in user.entries(sweep.id)] == list(range(1, writer.seq + 1))
    events = list(user.events(sweep.id))
    assert [event.id for event in events] == list(range(1, len(events) + 1))
    assert (events[0].data["state"], events[-1].data["state"]) == ("QUEUED", "DONE")
    assert [event.last for event in events].count(True) == 1
    assert list(user.events(sweep.id, events[-1].id)) == []


def test_events_arrive_while_they_happen(user: Client, agent: Client) -> None:
    sweep = user.create_sweep(make_spec())
    seen: list[Event] = []
    first = threading.Event()

    def watch() -> None:
        for event in user.events(sweep.id):
            seen.append(event)
            first.set()

    watcher = threading.Thread(target=watch)
    watcher.start()
    assert first.wait(10)
    take(agent)
    agent.append(sweep.id, 1, Writer().entries(asked(0), started(0)))
    agent.finish(sweep.id, 1, "FAILED", "the data is gone")
    watcher.join(10)
    assert not watcher.is_alive()
    assert [event.type for event in seen] == ["sweep", "sweep", "trial", "trial", "trial", "sweep"]
    assert seen[-1].data["message"] == "the data is gone"
    # The attempt that the driver left open is lost, not running for ever.
    assert [event.data["state"] for event in seen if event.type == "trial"] == [
        "PENDING",
        "RUNNING",
        "PENDING",
    ]


def test_events_go_on_after_the_id_given(user: Client) -> None:
    sweep = user.create_sweep(make_spec())
    user.pause(sweep.id)
    user.cancel(sweep.id)
    whole = list(user.events(sweep.id))
    assert list(user.events(sweep.id, whole[1].id)) == whole[2:]


def test_plan_measures_finished_trials(user: Client, agent: Client) -> None:
    assert user.plan(make_spec()).trial_hours is None
    sweep = user.create_sweep(make_spec())
    take(agent)
    lines = Writer().entries(asked(0), started(0), ended(0, samples=320, seconds=3.2))
    agent.append(sweep.id, 1, lines)
    hours = user.plan(make_spec()).trial_hours
    assert hours is not None
    assert hours.middle == pytest.approx(3 * 3.2 / 3600)
    other = make_spec(resources={"pool": "elsewhere"})
    assert user.plan(other).trial_hours is None


def test_errors_come_back_as_they_were_raised(user: Client, agent: Client, host: Host) -> None:
    with pytest.raises(Invalid) as wrong:
        user.create_sweep(make_spec(metrik=1, report={"points": 0}))
    assert {fault.pointer for fault in wrong.value.faults} == {
        "/spec/metrik",
        "/spec/report/points",
    }
    assert all(fault.mend for fault in wrong.value.faults)
    with pytest.raises(Unsupported) as later:
        user.create_sweep(make_spec(budget={"gpu_hours": 2}))
    assert later.value.faults[0].pointer == "/spec/budget/gpu_hours"
    with pytest.raises(NotFound):
        user.get_sweep("swp_" + "0" * 32)
    with pytest.raises(NotFound):
        user.get_sweep("../healthz?x=1")
    with pytest.raises(NotFound):
        user.why("trl_nope")
    with pytest.raises(Forbidden, match="scope agent"):
        user.claim(make_offer())
    with pytest.raises(Forbidden, match="scope editor"):
        agent.create_sweep(make_spec())
    with host.client("wrong") as stranger, pytest.raises(Unauthenticated):
        stranger.list_sweeps()
    with host.client(None) as nobody, pytest.raises(Unauthenticated):
        nobody.list_sweeps()
    sweep = user.create_sweep(make_spec())
    with pytest.raises(StaleLease):
        agent.renew(sweep.id, 1)
    user.cancel(sweep.id)
    with pytest.raises(IllegalMove) as ended_already:
        user.pause(sweep.id)
    assert ended_already.value.extra["possible"] == []


def test_health_schema_and_pools(user: Client, agent: Client, host: Host) -> None:
    with host.client(None) as nobody:
        assert nobody.health().status == nobody.ready().status == "ok"
    assert "apiVersion" in user.schema()["properties"]
    agent.claim(make_offer(agent="box", pool="a100", device_kind="cuda", slots=8))
    user.create_sweep(make_spec(pool="h100"))
    pools = {pool.name: pool for pool in user.pools().items}
    assert pools["a100"].slots == 8
    assert pools["a100"].agents[0].alive
    assert pools["h100"].sweeps == {SweepState.QUEUED: 1}


def test_pages_hold_everything_once(user: Client) -> None:
    made = [user.create_sweep(make_spec(f"s{number}")).id for number in range(5)]
    first = user.list_sweeps(limit=2)
    user.create_sweep(make_spec("late"))
    second = user.list_sweeps(limit=2, cursor=first.next_cursor)
    third = user.list_sweeps(limit=2, cursor=second.next_cursor)
    pages = [*first.items, *second.items, *third.items]
    assert [sweep.id for sweep in pages] == made[::-1]
    assert third.next_cursor is None
    assert len(list(user.every_sweep())) == 6


def test_nobody_there() -> None:
    with Client("http://127.0.0.1:9", retries=0) as lost:
        with pytest.raises(Unreachable, match=r"127\.0\.0\.1:9"):
            lost.list_sweeps()
        with pytest.raises(Unreachable):
            next(lost.events("swp_" + "0" * 32))
    with pytest.raises(Unreachable, match="not a service address"), Client("http://x:port") as bad:
        bad.health()


def test_an_answer_of_something_else_is_named(host: Host) -> None:
    with Client(host.url + "/api/v1/schema#", AGENT) as odd, pytest.raises(ServiceError):
        odd.health()


@pytest.mark.parametrize("length", [LONGEST_MESSAGE, LONGEST_MESSAGE + 1, 100_000])
def test_a_long_last_message_is_cut_and_says_so(user: Client, agent: Client, length: int) -> None:
    sweep = user.create_sweep(make_spec()).id
    take(agent)
    message = "".join(chr(ord("a") + number % 26) for number in range(length))
    agent.finish(sweep, 1, "FAILED", message)
    found = user.get_sweep(sweep)
    assert found.state is SweepState.FAILED
    if length == LONGEST_MESSAGE:
        assert found.message == message
        return
    assert len(found.message) == LONGEST_MESSAGE
    head, note = found.message.rsplit("\n", 1)
    assert message.startswith(head)
    assert note == f"(cut: the whole message has {length} characters)"
