"""Sweeps: submit, list, change, watch, and read the result."""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping
from enum import Enum
from typing import Any, Final

from service.calls.asking import API, MANY, States, get, nothing, sweep_path
from service.exchange import Call, Leaf, Value, leafed, read_as
from service.schemas import Sweep, SweepDetail, SweepPage
from sweeps.planning import Plan
from sweeps.result import Result
from sweeps.spec import SweepSpec

Spec = SweepSpec | Mapping[str, Any]


class Keep(Enum):
    """Says that a setting stays as it is, where None has a meaning of its own."""

    KEEP = "keep"


KEEP: Final = Keep.KEEP


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
    return get(SweepPage, "/sweeps", query)


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
        return list_sweeps(MANY, cursor, state, project, labels=labels, **more)

    return leafed(ask)


def get_sweep(sweep_id: str) -> Call[SweepDetail]:
    """One sweep. Raises NotFound."""
    return get(SweepDetail, sweep_path(sweep_id))


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
    headers, path = {"If-Match": f'"{revision}"'}, API + sweep_path(sweep_id)
    body = json.dumps(given).encode()
    return Call("PATCH", path, read_as(SweepDetail), headers=headers, body=body)


def result(sweep_id: str) -> Call[Result]:
    """The ranking as it stands, also before the sweep has ended."""
    return get(Result, f"{sweep_path(sweep_id)}/result")


def watch_sweep(sweep_id: str, last_event_id: int | None = None) -> Call[None]:
    """The stream of events after `last_event_id` (None: all); `service.watching` reads it."""
    headers = {"Accept": "text/event-stream"}
    if last_event_id is not None:
        headers["Last-Event-ID"] = str(last_event_id)
    return Call("GET", f"{API}{sweep_path(sweep_id)}/events", nothing, headers=headers)


def _spec(spec: Spec) -> bytes:
    return json.dumps(spec.dump() if isinstance(spec, SweepSpec) else spec).encode()
