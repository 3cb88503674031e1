"""What pruning did, over all sweeps."""

from __future__ import annotations

from datetime import datetime

from service.schemas.base import Answer, SweepId
from sweeps.pruning_report import Pooled, PruningReport


class SweepPruning(Answer):
    """What pruning did to one sweep that is DONE."""

    sweep_id: SweepId
    name: str
    project: str
    ended_at: datetime | None
    report: PruningReport


class PruningHistory(Answer):
    """What pruning did to the sweeps that ended last, the last one first, and to all of `items`
    together."""

    items: list[SweepPruning]
    pooled: Pooled
