"""Every route of the service as a plain description: what to send, and what comes back.

Pure: nothing is sent here. `service.client` and `service.aio` have a method of the same name and
arguments for each, which sends it; their errors are those of `service.errors`.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping, Sequence
from enum import Enum
from typing import Any, Final, TypeVar
from urllib.parse import quote

from pydantic import BaseModel

from service.exchange import Call, Leaf, Value, leafed, read_as, read_plain
from service.schemas import (
    LONGEST_MESSAGE,
    Accepted,
    ClaimRequest,
    Costs,
    FinishRequest,
    Health,
    JournalAck,
    JournalAppend,
    JournalPage,
    Lease,
    PastSweeps,
    PoolList,
    PruningHistory,
    Renewal,
    RenewRequest,
    ReportPage,
    Retried,
    Sweep,
    SweepDetail,
    SweepPage,
    SweepReport,
    Tracking,
    Trial,
    TrialDetail,
    TrialPage,
    Why,
)
from sweeps.journal import Entry
from sweeps.planning import Plan
from sweeps.result import Result
from sweeps.spec import SweepSpec

M = TypeVar("M", bound=BaseModel)
Spec = SweepSpec | Mapping[str, Any]
# Any of these states; None: every state.
States = str | Sequence[str] | None
API = "/api/v1"
# Items of one page when all pages are asked for.
_MANY, _MANY_REPORTS = 200, 1000


class Keep(Enum):
    """Says that a setting stays as it is, where None has a meaning of its own."""

    KEEP = "keep"


KEEP: Final = Keep.KEEP


# ---------------------------------------------------------------- sweeps


def create_sweep(spec: Spec, key: str | None = None) -> Call[SweepDetail]:
    """Submit a sweep, once: the same `key` with the same spec gives the same sweep again.

    Without `key` one is drawn, so that a retry inside this call creates nothing twice.
    Raises Invalid or Unsupported with every fault, KeyReused for another spec.
    """
    headers = {"Idempotency-Key": key or uuid.uuid4().hex}
    body, path = _spec(spec), f"{API}/sweeps"
    return Call("POST", path, read_as(SweepDetail), headers=headers, body=body, again=True)


def plan(spec: Spec) -> Call[Plan]:
    """What a spec would run and cost, without running it. Raises as `create_sweep` does."""
    return Call("POST", f"{API}/sweeps/plan", read_as(Plan), body=_spec(spec), again=True)


def list_sweeps(
    limit: int = 50,
    cursor: str | None = None,
    state: States = None,
    project: str | None = None,
    *,
    pool: str | None = None,
    name: str | None = None,
    labels: Mapping[str, str] | None = None,
    sort: str | None = None,
) -> Call[SweepPage]:
    """One page of sweeps that have all that is asked for, newest first.

    `sort` is created_at, updated_at, name or priority, with `-` in front for falling order. A
    cursor belongs to the filters and the order that it was made for: BadRequest with others.
    """
    label = [f"{key}={value}" for key, value in (labels or {}).items()]
    query: dict[str, Value] = {"limit": limit, "cursor": cursor, "state": state, "name": name}
    query |= {"project": project, "pool": pool, "label": label or None, "sort": sort}
    return _get(SweepPage, "/sweeps", query)


def every_sweep(
    state: States = None,
    project: str | None = None,
    *,
    pool: str | None = None,
    name: str | None = None,
    labels: Mapping[str, str] | None = None,
    sort: str | None = None,
) -> Call[Leaf[Sweep]]:
    """All sweeps as `list_sweeps` lists them, page by page."""

    def ask(cursor: str | None) -> Call[SweepPage]:
        more = {"pool": pool, "name": name, "sort": sort}
        return list_sweeps(_MANY, cursor, state, project, labels=labels, **more)

    return leafed(ask)


def get_sweep(sweep_id: str) -> Call[SweepDetail]:
    """One sweep. Raises NotFound."""
    return _get(SweepDetail, _sweep(sweep_id))


def patch_sweep(
    sweep_id: str,
    revision: int,
    *,
    priority: int | None = None,
    max_parallel: int | Keep | None = KEEP,
    budget_trials: int | None = None,
) -> Call[SweepDetail]:
    """Change settings of a sweep whose `revision` was seen. What is left out stays.

    `max_parallel` None is no limit. Raises PreconditionFailed when the settings were changed since
    that revision, Invalid, IllegalMove when the sweep has ended.
    """
    given: dict[str, Any] = {}
    if priority is not None:
        given["priority"] = priority
    if not isinstance(max_parallel, Keep):
        given["max_parallel"] = max_parallel
    if budget_trials is not None:
        given["budget"] = {"trials": budget_trials}
    headers, path = {"If-Match": f'"{revision}"'}, API + _sweep(sweep_id)
    body = json.dumps(given).encode()
    return Call("PATCH", path, read_as(SweepDetail), headers=headers, body=body)


def result(sweep_id: str) -> Call[Result]:
    """The ranking as it stands, also before the sweep has ended."""
    return _get(Result, f"{_sweep(sweep_id)}/result")


def report_pruning(limit: int = 200, project: str | None = None) -> Call[PruningHistory]:
    """What pruning promised and what its audits measured, over the `limit` sweeps that ended
    last."""
    return _get(PruningHistory, "/report/pruning", {"limit": limit, "project": project})


def pause(sweep_id: str) -> Call[Accepted]:
    """Ask for a pause. Raises IllegalMove when the sweep has ended."""
    return _post(Accepted, f"{_sweep(sweep_id)}/pause")


def resume(sweep_id: str) -> Call[Accepted]:
    """Queue a paused sweep again. Raises IllegalMove when the sweep has ended."""
    return _post(Accepted, f"{_sweep(sweep_id)}/resume")


def cancel(sweep_id: str) -> Call[Accepted]:
    """Stop a sweep for good. Raises IllegalMove when it has ended otherwise."""
    return _post(Accepted, f"{_sweep(sweep_id)}/cancel")


def retry_sweep(sweep_id: str) -> Call[Retried]:
    """Run all FAILED trials again; a sweep that had ended is QUEUED again.

    Raises Conflict when nothing failed, IllegalMove when the sweep was cancelled.
    """
    return _post(Retried, f"{_sweep(sweep_id)}/retry")


def watch_sweep(sweep_id: str, last_event_id: int | None = None) -> Call[None]:
    """The stream of events after `last_event_id` (None: all); `service.watching` reads it."""
    headers = {"Accept": "text/event-stream"}
    if last_event_id is not None:
        headers["Last-Event-ID"] = str(last_event_id)
    return Call("GET", f"{API}{_sweep(sweep_id)}/events", _nothing, headers=headers)


# ---------------------------------------------------------------- trials


def list_trials(
    sweep_id: str,
    limit: int = 50,
    cursor: str | None = None,
    state: States = None,
    *,
    role: str | None = None,
    sort: str | None = None,
) -> Call[TrialPage]:
    """One page of a sweep's trials, by number, or by `sort` (number, value, samples ..., with `-`
    in front for falling order). Cursors are as for `list_sweeps`."""
    query = {"limit": limit, "cursor": cursor, "state": state, "role": role, "sort": sort}
    return _get(TrialPage, f"{_sweep(sweep_id)}/trials", query)


def every_trial(
    sweep_id: str, state: States = None, *, role: str | None = None, sort: str | None = None
) -> Call[Leaf[Trial]]:
    """All trials of a sweep as `list_trials` lists them, page by page."""
    return leafed(lambda cursor: list_trials(sweep_id, _MANY, cursor, state, role=role, sort=sort))


def get_trial(trial_id: str) -> Call[TrialDetail]:
    """One trial with its attempts and reports. Raises NotFound."""
    return _get(TrialDetail, _trial(trial_id))


def why(trial_id: str) -> Call[Why]:
    """Why a trial is where it is. Raises NotFound."""
    return _get(Why, f"{_trial(trial_id)}/why")


def stop_trial(trial_id: str) -> Call[Accepted]:
    """Ask for the end of one trial. Raises IllegalMove when it has ended otherwise."""
    return _post(Accepted, f"{_trial(trial_id)}/stop")


def retry_trial(trial_id: str) -> Call[Accepted]:
    """Run a FAILED trial again. Raises IllegalMove when it did not fail."""
    return _post(Accepted, f"{_trial(trial_id)}/retry")


def list_reports(sweep_id: str, limit: int = 50, cursor: str | None = None) -> Call[ReportPage]:
    """One page of all reports of a sweep with their verdicts, by trial number and point."""
    query = {"limit": limit, "cursor": cursor}
    return _get(ReportPage, f"{_sweep(sweep_id)}/reports", query)


def every_report(sweep_id: str) -> Call[Leaf[SweepReport]]:
    """All reports of a sweep by trial number and point, page by page."""
    return leafed(lambda cursor: list_reports(sweep_id, _MANY_REPORTS, cursor))


# ---------------------------------------------------------------- agents and drivers


def claim(request: ClaimRequest) -> Call[Lease | None]:
    """The next sweep that this agent can run, or None. Also tells the service of the agent."""
    read = read_as(Lease)
    # Without defaults: a service that is older than this client refuses what it does not know.
    path, body = f"{API}/leases", request.model_dump_json(exclude_defaults=True).encode()
    return Call("POST", path, lambda content: read(content) if content else None, body=body)


def renew(sweep_id: str, token: int, tracking: Tracking | None = None) -> Call[Renewal]:
    """Keep a lease. Raises StaleLease when it is no longer ours."""
    body = RenewRequest(token=token, tracking=tracking)
    return _post(Renewal, f"/leases/{_part(sweep_id)}/renew", body)


def release(sweep_id: str, token: int) -> Call[None]:
    """Give a lease back; a RUNNING sweep may be claimed again at once. Raises StaleLease."""
    path = f"{API}/leases/{_part(sweep_id)}"
    return Call("DELETE", path, _nothing, query={"token": token}, again=True)


def journal(sweep_id: str, after: int = 0, limit: int = 500) -> Call[JournalPage]:
    """Entries with seq > `after`."""
    query = {"after": after, "limit": limit}
    return _get(JournalPage, f"{_sweep(sweep_id)}/journal", query)


def entries(sweep_id: str, after: int = 0) -> Call[Leaf[Entry]]:
    """Every entry with seq > `after` that is stored by now, page by page."""

    def turn(page: JournalPage) -> Leaf[Entry]:
        found = page.entries
        last = not found or found[-1].seq >= page.last_seq
        return Leaf(found, None if last else entries(sweep_id, found[-1].seq))

    return journal(sweep_id, after).then(turn)


def append(sweep_id: str, token: int, entries: Sequence[Entry]) -> Call[int]:
    """Journal entries; gives the last seq stored. Safe to repeat, but not repeated here.

    Raises StaleLease, JournalGap (`extra["expected_seq"]`), JournalMismatch, RefusedEntry.
    """
    body = JournalAppend(token=token, entries=list(entries))
    return _post(JournalAck, f"{_sweep(sweep_id)}/journal", body).then(lambda ack: ack.seq)


def past(sweep_id: str) -> Call[PastSweeps]:
    """Curves of finished sweeps of the same family, the newest first."""
    return _get(PastSweeps, f"{_sweep(sweep_id)}/past")


def costs(sweep_id: str) -> Call[Costs]:
    """What trials of its model took of the devices of its pool; for drivers."""
    return _get(Costs, f"{_sweep(sweep_id)}/costs")


def finish(sweep_id: str, token: int, state: str, message: str = "") -> Call[SweepDetail]:
    """Say how the sweep ended; ends the lease. Raises StaleLease, IllegalMove.

    A message over LONGEST_MESSAGE characters is cut at its end, and says so.
    """
    given = {"token": token, "state": state, "message": _fitting(message)}
    return _post(SweepDetail, f"{_sweep(sweep_id)}/finish", FinishRequest.model_validate(given))


# ---------------------------------------------------------------- the service itself


def pools() -> Call[PoolList]:
    """The pools with their agents."""
    return _get(PoolList, "/pools")


def schema() -> Call[dict[str, Any]]:
    """The JSON Schema of specs."""
    return Call("GET", f"{API}/schema", read_plain, again=True)


def health() -> Call[Health]:
    """Whether the service runs."""
    return Call("GET", "/healthz", read_as(Health))


def ready() -> Call[Health]:
    """Whether its database is there and migrated. Raises Unavailable when not."""
    return Call("GET", "/readyz", read_as(Health))


def metrics() -> Call[str]:
    """What the service counts, in the text format of Prometheus."""
    return Call("GET", "/metrics", bytes.decode, again=True)


# ---------------------------------------------------------------- how they are written


def _get(model: type[M], path: str, query: Mapping[str, Value] | None = None) -> Call[M]:
    return Call("GET", API + path, read_as(model), query=query or {}, again=True)


def _post(model: type[M], path: str, body: BaseModel | None = None) -> Call[M]:
    content = None if body is None else _body(body)
    return Call("POST", API + path, read_as(model), body=content)


def _nothing(_: bytes) -> None:
    return None


def _fitting(message: str) -> str:
    """A failed sweep must not stay RUNNING because its error is long."""
    if len(message) <= LONGEST_MESSAGE:
        return message
    note = f"\n(cut: the whole message has {len(message)} characters)"
    return message[: LONGEST_MESSAGE - len(note)] + note


def _spec(spec: Spec) -> bytes:
    return json.dumps(spec.dump() if isinstance(spec, SweepSpec) else spec).encode()


def _body(model: BaseModel) -> bytes:
    return model.model_dump_json().encode()


def _sweep(sweep_id: str) -> str:
    return f"/sweeps/{_part(sweep_id)}"


def _trial(trial_id: str) -> str:
    return f"/trials/{_part(trial_id)}"


def _part(text: str) -> str:
    return quote(text, safe="")
