"""The trial whose model a finished sweep hands over."""

from __future__ import annotations

from collections.abc import Container

from sweeps.ranking import Ranked
from sweeps.result import Result


def champion(result: Result, kept: Container[int]) -> Ranked | None:
    """The recommended configuration, or else the best one, among the trials whose weights are
    `kept`. One that breaks a limit of the metric never is. None: no such weights."""
    found = [row for row in result.ranking if row.trial in kept and not row.over]
    taken = next((row for row in found if row.trial == result.recommended), None)
    return taken or next(iter(found), None)
