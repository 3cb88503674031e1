"""What searchers and pruners decide from."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from sweeps.journal.entries import Prepared
from sweeps.trial import TrialRecord, Verdict


@dataclass
class Story:
    """A sweep as its journal tells it. Searchers and pruners decide from this and nothing else."""

    seq: int = 0
    prepared: Prepared | None = None
    trials: dict[int, TrialRecord] = field(default_factory=dict)
    commands: set[str] = field(default_factory=set)
    paused: bool = False
    cancelled: bool = False
    # budget.trials as a user last set it; None: as the spec says.
    budget_trials: int | None = None
    # Running trials that the user stopped; the end of their attempt moves them.
    stop_requested: set[int] = field(default_factory=set)
    evidence: list[dict[str, Any]] = field(default_factory=list)
    # The latest verdict that tells the pruner's estimate of its own risk: see `_estimate`.
    estimated: Verdict | None = None
