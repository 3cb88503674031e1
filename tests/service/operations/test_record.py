"""Recording a journal: in order, once, under the lease, and honest about NaN."""

from __future__ import annotations

import json
import math
from typing import Any

import httpx
import pytest
from service_support import (
    AGENT,
    Host,
    Writer,
    asked,
    ended,
    make_report,
    make_spec,
    reported,
    started,
    take,
)

from service.client import Client
from service.errors import JournalGap, JournalMismatch, RefusedEntry, StaleLease
from service.store.database import Database
from service.store.tables import EntryRow
from sweeps.journal import Entry, Judged, PastCurves, Prepared, fold
from sweeps.lifecycle import TrialState
from sweeps.trial import Action, Verdict


@pytest.fixture
def sweep(user: Client, agent: Client) -> str:
    """A RUNNING sweep under token 1."""
    made = user.create_sweep(make_spec()).id
    take(agent)
    return made


def texts(entries: Any) -> list[str]:
    return [entry.model_dump_json() for entry in entries]


def test_repeats_are_compared_and_skipped(user: Client, agent: Client, sweep: str) -> None:
    sent = Writer().entries(
        asked(0), started(0), reported(0, make_report(1, math.nan)), reported(0, make_report(2))
    )
    assert agent.append(sweep, 1, sent[:3]) == 3
    assert agent.append(sweep, 1, sent[:2]) == 3
    assert agent.append(sweep, 1, sent[1:]) == 4
    assert texts(user.entries(sweep)) == texts(sent)
    other = sent[0].model_copy(update={"body": asked(0, learning_rate=9.0)})
    with pytest.raises(JournalMismatch, match="entry 1 is stored with another content"):
        agent.append(sweep, 1, [other])
    assert user.get_sweep(sweep).journal_seq == 4


def test_an_entry_of_an_older_version_equals_itself(
    database: Database, user: Client, agent: Client, sweep: str
) -> None:
    sent = Writer().entries(asked(0), started(0), reported(0, make_report(1, math.nan)))
    agent.append(sweep, 1, sent)
    with database.write() as session:
        row = session.get_one(EntryRow, (sweep, 3))
        older = json.loads(row.body)
        del older["report"]["guard"], older["verdict"]["audit"]
        row.body = json.dumps(older)
    assert agent.append(sweep, 1, sent) == 3


def test_a_gap_names_what_is_next(user: Client, agent: Client, sweep: str) -> None:
    sent = Writer().entries(asked(0), started(0), ended(0))
    for late in (sent[1:], [sent[0], sent[2]], [sent[0], sent[0]]):
        with pytest.raises(JournalGap) as gap:
            agent.append(sweep, 1, late)
        assert gap.value.extra["expected_seq"] in (1, 2)
    assert user.get_sweep(sweep).journal_seq == 0


@pytest.mark.parametrize(
    ("bodies", "said"),
    [
        ([asked(1)], "out of order"),
        ([started(0)], "never asked"),
        ([asked(0), asked(0)], "out of order"),
        ([asked(0), started(0, 2)], "numbered"),
        ([asked(0), started(0), started(0, 2)], "cannot become"),
        ([asked(0), ended(0)], "not the running one"),
        ([asked(0), started(0), ended(0), ended(0)], "already ended"),
        ([Prepared(horizon_samples=1), Prepared(horizon_samples=2)], "prepared twice"),
        ([asked(0), asked(2**70)], "out of order"),
        ([asked(0), started(0), ended(0, samples=2**70)], "64 bits"),
        ([asked(0), started(0), reported(0, make_report(2**70))], "64 bits"),
    ],
)
def test_all_or_none(user: Client, agent: Client, sweep: str, bodies: list[Any], said: str) -> None:
    with pytest.raises(RefusedEntry, match=said):
        agent.append(sweep, 1, Writer().entries(*bodies))
    found = user.get_sweep(sweep)
    assert (found.journal_seq, found.trials) == (0, {})
    # Sent one by one, the entries before the bad one stand, and the bad one is refused again.
    for entry in Writer().entries(*bodies[:-1]):
        agent.append(sweep, 1, [entry])
    with pytest.raises(RefusedEntry, match=said):
        agent.append(sweep, 1, [Entry(seq=len(bodies), at="", body=bodies[-1])])


def test_only_the_lease_may_write(user: Client, agent: Client, sweep: str) -> None:
    with pytest.raises(StaleLease):
        agent.append(sweep, 2, Writer().entries(asked(0)))
    agent.release(sweep, 1)
    with pytest.raises(StaleLease):
        agent.append(sweep, 1, Writer().entries(asked(0)))


def test_the_first_report_of_a_point_stands(user: Client, agent: Client, sweep: str) -> None:
    again = make_report(1, 7.0, eval_loss=7.0)
    sent = Writer().entries(
        asked(0), started(0), reported(0, make_report(1, eval_loss=3.0)), reported(0, again)
    )
    agent.append(sweep, 1, sent)
    trial = user.get_trial(user.list_trials(sweep).items[0].id)
    assert (trial.value, len(trial.reports)) == (3.0, 1)
    assert [event.type for event in _so_far(user, sweep)].count("verdict") == 1


def _so_far(user: Client, sweep: str) -> list[Any]:
    user.cancel(sweep)
    found = []
    for event in user.events(sweep):
        found.append(event)
        if event.data.get("state") == "STOPPING":
            break
    return found


def test_a_parked_trial_is_judged(user: Client, agent: Client, sweep: str) -> None:
    park = Verdict(action=Action.PAUSE, reason="median", message="Parked for now.")
    stop = Verdict(action=Action.STOP, reason="parked", message="Nothing revived it.")
    writer = Writer()
    agent.append(
        sweep,
        1,
        writer.entries(asked(0), started(0), reported(0, make_report(1), park), ended(0, "paused")),
    )
    trial = user.list_trials(sweep).items[0].id
    assert user.why(trial).message == "It is parked. Parked for now."
    agent.append(sweep, 1, writer.entries(Judged(trial=0, verdict=stop)))
    why = user.why(trial)
    assert (why.state, why.reason, why.verdict) == (TrialState.STOPPED, "pruned", stop)
    assert user.get_trial(trial).reports[0].verdict == stop


NUMBERS = [math.nan, math.inf, -math.inf, 0.1, 5e-324, 1.7976931348623157e308]


def same(one: float | None, other: float | None) -> bool:
    return repr(one) == repr(other)


@pytest.mark.parametrize("number", [*NUMBERS, None])
def test_numbers_survive_the_whole_way(
    user: Client, agent: Client, host: Host, sweep: str, number: float | None
) -> None:
    """REST -> store -> REST -> replay, for NaN, both infinities, absent and awkward ones."""
    loss = 1.0 if number is None else number
    metrics = {} if number is None else {"eval_loss": number, "other": 1.0}
    curves = PastCurves(curves=[{"x": number}])
    report = make_report(1, loss, number, **metrics)
    sent = Writer().entries(
        Prepared(horizon_samples=320, device_kind="cuda", devices_per_trial=loss),
        curves,
        asked(0),
        started(0),
        reported(0, report),
        ended(0, seconds=loss),
    )
    text = [entry.model_dump_json() for entry in sent]
    agent.append(sweep, 1, sent)
    back = list(user.entries(sweep))
    assert texts(back) == text
    story = fold(back)
    window = story.trials[0].reports[1].window
    assert same(window.grad_norm.value if window.grad_norm else None, number)
    assert same(story.trials[0].reports[1].metrics.get("eval_loss"), number)
    row = user.list_trials(sweep).items[0]
    assert same(row.value, number)
    assert same(row.grad_norm, number)
    assert same(row.loss, loss)
    detail = user.get_trial(row.id)
    assert detail.reports[0].report.model_dump_json() == report.model_dump_json()
    assert same(detail.history[0].seconds, loss)
    raw = httpx.get(
        f"{host.url}/api/v1/trials/{row.id}", headers={"Authorization": f"Bearer {AGENT}"}
    )
    wanted = {math.inf: "Infinity", -math.inf: "-Infinity"}.get(loss, "NaN")
    assert raw.json()["loss"] == (loss if math.isfinite(loss) else wanted)
    user.result(sweep)
    user.plan(make_spec())


def test_params_that_are_not_finite_do_not_break_the_store(
    user: Client, host: Host, sweep: str
) -> None:
    """Python's JSON reads a bare NaN; an agent of another make may send it."""
    body = '{"type": "asked", "trial": 0, "params": {"learning_rate": NaN}}'
    text = f'{{"token": 1, "entries": [{{"seq": 1, "at": "", "body": {body}}}]}}'
    headers = {"Authorization": f"Bearer {AGENT}", "Content-Type": "application/json"}
    path = f"{host.url}/api/v1/sweeps/{sweep}/journal"
    assert httpx.post(path, content=text, headers=headers).status_code == 200
    assert user.list_trials(sweep).items[0].params == {"learning_rate": "NaN"}


def test_text_that_cannot_be_stored_is_refused(host: Host, user: Client, sweep: str) -> None:
    body = '{"type": "evidence", "curves": [{"x": "\\ud800"}]}'
    text = f'{{"token": 1, "entries": [{{"seq": 1, "at": "", "body": {body}}}]}}'
    headers = {"Authorization": f"Bearer {AGENT}", "Content-Type": "application/json"}
    path = f"{host.url}/api/v1/sweeps/{sweep}/journal"
    assert httpx.post(path, content=text, headers=headers).status_code == 422
    assert user.get_sweep(sweep).journal_seq == 0


def test_a_long_journal_is_read_page_by_page(user: Client, agent: Client, sweep: str) -> None:
    writer = Writer()
    sent = writer.entries(*(asked(number) for number in range(700)))
    agent.append(sweep, 1, sent)
    assert texts(user.entries(sweep)) == texts(sent)
    page = user.journal(sweep, after=690, limit=5)
    assert ([entry.seq for entry in page.entries], page.last_seq) == (list(range(691, 696)), 700)
    assert len(list(user.every_trial(sweep))) == 700
