"""The typed client: the only door to the service for the CLI and the workers.

Every route is a method. An error of the service is raised here as the same class of
`service.errors`; `Unreachable` means that no answer came.
"""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from types import TracebackType
from typing import Any, TypeVar
from urllib.parse import quote

from pydantic import BaseModel, ValidationError

from service.errors import ServiceError, Unavailable, Unreachable
from service.schemas import (
    LONGEST_MESSAGE,
    Accepted,
    ClaimRequest,
    Event,
    FinishRequest,
    Health,
    JournalAck,
    JournalAppend,
    JournalPage,
    Lease,
    PoolList,
    Renewal,
    RenewRequest,
    Sweep,
    SweepDetail,
    SweepPage,
    Tracking,
    Trial,
    TrialDetail,
    TrialPage,
    Why,
)
from service.transport import Transport, pause
from sweeps.journal import Entry
from sweeps.planning import Plan
from sweeps.result import Result
from sweeps.spec import SweepSpec

M = TypeVar("M", bound=BaseModel)
Spec = SweepSpec | Mapping[str, Any]
API = "/api/v1"


class Client:
    """Talks to one service. `timeout` is in seconds for one exchange.

    Reads, deletes and `create_sweep` (which carries an Idempotency-Key) are tried `retries` more
    times when no answer comes; other calls are never repeated. Close it, or use it in `with`.
    """

    def __init__(
        self, base_url: str, token: str | None = None, timeout: float = 10.0, retries: int = 2
    ) -> None:
        self._wire, self._retries = Transport(base_url, token, timeout, retries), retries

    def __enter__(self) -> Client:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections."""
        self._wire.close()

    def create_sweep(self, spec: Spec, key: str | None = None) -> SweepDetail:
        """Submit a sweep, once: the same `key` with the same spec gives the same sweep again.

        Without `key` one is drawn, so that a retry inside this call creates nothing twice.
        Raises Invalid or Unsupported with every fault, KeyReused for another spec.
        """
        headers = {"Idempotency-Key": key or uuid.uuid4().hex}
        path = f"{API}/sweeps"
        answer = self._wire.send("POST", path, body=_spec(spec), headers=headers, again=True)
        return _read(SweepDetail, answer.content)

    def plan(self, spec: Spec) -> Plan:
        """What a spec would run and cost, without running it. Raises as `create_sweep` does."""
        answer = self._wire.send("POST", f"{API}/sweeps/plan", body=_spec(spec), again=True)
        return _read(Plan, answer.content)

    def list_sweeps(
        self,
        limit: int = 50,
        cursor: str | None = None,
        state: str | None = None,
        project: str | None = None,
    ) -> SweepPage:
        """One page of sweeps, newest first."""
        query = {"limit": limit, "cursor": cursor, "state": state, "project": project}
        return self._get(SweepPage, "/sweeps", query)

    def every_sweep(self, state: str | None = None, project: str | None = None) -> Iterator[Sweep]:
        """All sweeps, newest first, page by page."""
        cursor: str | None = None
        while True:
            page = self.list_sweeps(200, cursor, state, project)
            yield from page.items
            cursor = page.next_cursor
            if cursor is None:
                return

    def get_sweep(self, sweep_id: str) -> SweepDetail:
        """One sweep. Raises NotFound."""
        return self._get(SweepDetail, f"/sweeps/{_part(sweep_id)}")

    def result(self, sweep_id: str) -> Result:
        """The ranking as it stands, also before the sweep has ended."""
        return self._get(Result, f"/sweeps/{_part(sweep_id)}/result")

    def pause(self, sweep_id: str) -> Accepted:
        """Ask for a pause. Raises IllegalMove when the sweep has ended."""
        return self._post(Accepted, f"/sweeps/{_part(sweep_id)}/pause")

    def resume(self, sweep_id: str) -> Accepted:
        """Queue a paused sweep again. Raises IllegalMove when the sweep has ended."""
        return self._post(Accepted, f"/sweeps/{_part(sweep_id)}/resume")

    def cancel(self, sweep_id: str) -> Accepted:
        """Stop a sweep for good. Raises IllegalMove when it has ended otherwise."""
        return self._post(Accepted, f"/sweeps/{_part(sweep_id)}/cancel")

    def events(
        self, sweep_id: str, last_event_id: int | None = None, silence: float = 60.0
    ) -> Iterator[Event]:
        """The sweep's events after `last_event_id` (None: all), then each as it happens.

        Ends after the event whose `last` is true. A broken stream is taken up again where it
        ended; Unreachable is raised when that brings nothing `retries` times in a row.
        """
        left = self._retries
        while True:
            try:
                stream = self._stream(sweep_id, last_event_id, silence)
                if stream is None:
                    return
                for event in stream:
                    yield event
                    left, last_event_id = self._retries, event.id
                    if event.last:
                        return
            except Unavailable:
                if not left:
                    raise
            if not left:
                raise Unreachable(f"the events of {sweep_id} end before the sweep does")
            time.sleep(pause(self._retries - left))
            left -= 1

    def list_trials(
        self, sweep_id: str, limit: int = 50, cursor: str | None = None, state: str | None = None
    ) -> TrialPage:
        """One page of a sweep's trials, by number."""
        query = {"limit": limit, "cursor": cursor, "state": state}
        return self._get(TrialPage, f"/sweeps/{_part(sweep_id)}/trials", query)

    def every_trial(self, sweep_id: str, state: str | None = None) -> Iterator[Trial]:
        """All trials of a sweep by number, page by page."""
        cursor: str | None = None
        while True:
            page = self.list_trials(sweep_id, 200, cursor, state)
            yield from page.items
            cursor = page.next_cursor
            if cursor is None:
                return

    def get_trial(self, trial_id: str) -> TrialDetail:
        """One trial with its attempts and reports. Raises NotFound."""
        return self._get(TrialDetail, f"/trials/{_part(trial_id)}")

    def why(self, trial_id: str) -> Why:
        """Why a trial is where it is. Raises NotFound."""
        return self._get(Why, f"/trials/{_part(trial_id)}/why")

    def stop_trial(self, trial_id: str) -> Accepted:
        """Ask for the end of one trial. Raises IllegalMove when it has ended otherwise."""
        return self._post(Accepted, f"/trials/{_part(trial_id)}/stop")

    def claim(self, request: ClaimRequest) -> Lease | None:
        """The oldest sweep this agent can run, or None. Also tells the service of the agent."""
        answer = self._wire.send("POST", f"{API}/leases", body=_body(request))
        return None if answer.status_code == 204 else _read(Lease, answer.content)

    def renew(self, sweep_id: str, token: int, tracking: Tracking | None = None) -> Renewal:
        """Keep a lease. Raises StaleLease when it is no longer ours."""
        body = RenewRequest(token=token, tracking=tracking)
        return self._post(Renewal, f"/leases/{_part(sweep_id)}/renew", body)

    def release(self, sweep_id: str, token: int) -> None:
        """Give a lease back; a RUNNING sweep may be claimed again at once. Raises StaleLease."""
        path = f"{API}/leases/{_part(sweep_id)}"
        self._wire.send("DELETE", path, query={"token": token}, again=True)

    def journal(self, sweep_id: str, after: int = 0, limit: int = 500) -> JournalPage:
        """Entries with seq > `after`."""
        query = {"after": after, "limit": limit}
        return self._get(JournalPage, f"/sweeps/{_part(sweep_id)}/journal", query)

    def entries(self, sweep_id: str, after: int = 0) -> Iterator[Entry]:
        """Every entry with seq > `after` that is stored by now, page by page."""
        while True:
            page = self.journal(sweep_id, after)
            yield from page.entries
            if not page.entries or page.entries[-1].seq >= page.last_seq:
                return
            after = page.entries[-1].seq

    def append(self, sweep_id: str, token: int, entries: Sequence[Entry]) -> int:
        """Journal entries; returns the last seq stored. Safe to repeat, but not repeated here.

        Raises StaleLease, JournalGap (`extra["expected_seq"]`), JournalMismatch, RefusedEntry.
        """
        body = JournalAppend(token=token, entries=list(entries))
        return self._post(JournalAck, f"/sweeps/{_part(sweep_id)}/journal", body).seq

    def finish(self, sweep_id: str, token: int, state: str, message: str = "") -> SweepDetail:
        """Say how the sweep ended; ends the lease. Raises StaleLease, IllegalMove.

        A message over LONGEST_MESSAGE characters is cut at its end, and says so.
        """
        given = {"token": token, "state": state, "message": _fitting(message)}
        body = FinishRequest.model_validate(given)
        return self._post(SweepDetail, f"/sweeps/{_part(sweep_id)}/finish", body)

    def pools(self) -> PoolList:
        """The pools with their agents."""
        return self._get(PoolList, "/pools")

    def schema(self) -> dict[str, Any]:
        """The JSON Schema of specs."""
        answer = self._wire.send("GET", f"{API}/schema", again=True)
        found: dict[str, Any] = _plain(answer.content)
        return found

    def health(self) -> Health:
        """Whether the service runs."""
        return _read(Health, self._wire.send("GET", "/healthz").content)

    def ready(self) -> Health:
        """Whether its database is there and migrated. Raises Unavailable when not."""
        return _read(Health, self._wire.send("GET", "/readyz").content)

    def _get(self, model: type[M], path: str, query: Mapping[str, Any] | None = None) -> M:
        return _read(model, self._wire.send("GET", API + path, query=query, again=True).content)

    def _post(self, model: type[M], path: str, body: BaseModel | None = None) -> M:
        content = None if body is None else _body(body)
        return _read(model, self._wire.send("POST", API + path, body=content).content)

    def _stream(self, sweep_id: str, after: int | None, silence: float) -> Iterator[Event] | None:
        headers = {} if after is None else {"Last-Event-ID": str(after)}
        path = f"{API}/sweeps/{_part(sweep_id)}/events"
        lines = self._wire.stream(path, headers, silence)
        return None if lines is None else _events(lines)


def _events(lines: Iterator[bytes]) -> Iterator[Event]:
    """Server-sent events; comments and all fields but `data` are passed over."""
    data: list[bytes] = []
    for line in lines:
        if line.startswith(b"data:"):
            data.append(line[5:].removeprefix(b" "))
        elif not line and data:
            yield _read(Event, b"\n".join(data))
            data = []


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


def _part(text: str) -> str:
    return quote(text, safe="")


def _read(model: type[M], content: bytes) -> M:
    return _understood(lambda: model.model_validate_json(content))


def _plain(content: bytes) -> Any:
    return _understood(lambda: json.loads(content))


T = TypeVar("T")


def _understood(read: Callable[[], T]) -> T:
    try:
        return read()
    except (ValidationError, ValueError) as error:
        what = "the answer is not what this client reads; is this a sweep service, and as new?"
        raise ServiceError(f"{what} {error}") from error
