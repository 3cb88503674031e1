"""Plan: what a spec would run and cost, without running it."""

from __future__ import annotations

from typing import Any

from sqlalchemy.orm import Session

from service.operations.submit import runnable
from service.store.costs import measurements
from service.store.measured import measured
from sweeps.planning import Plan
from sweeps.planning import plan as plan_of


def plan(session: Session, body: Any) -> Plan:
    """The plan of the spec in `body`. Cells that cannot run are listed in it, not refused here.

    Raises SpecError and UnsupportedError with every other fault.
    """
    spec = runnable(body, cells=False)
    return plan_of(spec, measured(session, spec), costs=measurements(session, spec))
