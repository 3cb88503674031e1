"""Every route of the service as a plain description: what to send, and what comes back.

Pure: nothing is sent here. `service.client` and `service.aio` have a method of the same name and
arguments for each, which sends it; their errors are those of `service.errors`.
"""

from __future__ import annotations

from service.calls.commands import cancel, pause, resume, retry_sweep, retry_trial, stop_trial
from service.calls.driving import append, costs, entries, finish, journal, past
from service.calls.leases import claim, release, renew
from service.calls.reports import report_pruning
from service.calls.sweeps import (
    KEEP,
    Keep,
    Spec,
    create_sweep,
    every_sweep,
    get_sweep,
    list_sweeps,
    patch_sweep,
    plan,
    result,
    watch_sweep,
)
from service.calls.system import health, metrics, pools, ready, schema
from service.calls.trials import (
    every_report,
    every_trial,
    get_trial,
    list_reports,
    list_trials,
    why,
)

__all__ = [
    "KEEP",
    "Keep",
    "Spec",
    "append",
    "cancel",
    "claim",
    "costs",
    "create_sweep",
    "entries",
    "every_report",
    "every_sweep",
    "every_trial",
    "finish",
    "get_sweep",
    "get_trial",
    "health",
    "journal",
    "list_reports",
    "list_sweeps",
    "list_trials",
    "metrics",
    "past",
    "patch_sweep",
    "pause",
    "plan",
    "pools",
    "ready",
    "release",
    "renew",
    "report_pruning",
    "result",
    "resume",
    "retry_sweep",
    "retry_trial",
    "schema",
    "stop_trial",
    "watch_sweep",
    "why",
]
