"""What pruning did, over all sweeps."""

from __future__ import annotations

from service.calls.asking import get
from service.exchange import Call
from service.schemas import PruningHistory


def report_pruning(limit: int = 200, project: str | None = None) -> Call[PruningHistory]:
    """What pruning promised and what its audits measured, over the `limit` sweeps that ended
    last."""
    return get(PruningHistory, "/report/pruning", {"limit": limit, "project": project})
