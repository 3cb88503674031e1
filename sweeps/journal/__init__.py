"""The journal: the ordered record of everything that decisions depend on, and its fold."""

from __future__ import annotations

from sweeps.journal.entries import (
    ENTRIES,
    Asked,
    AttemptEnded,
    AttemptStarted,
    Body,
    CommandApplied,
    CommandKind,
    Entry,
    Judged,
    PastCurves,
    Prepared,
    Reported,
)
from sweeps.journal.folding import apply, fold
from sweeps.journal.story import Story

__all__ = [
    "ENTRIES",
    "Asked",
    "AttemptEnded",
    "AttemptStarted",
    "Body",
    "CommandApplied",
    "CommandKind",
    "Entry",
    "Judged",
    "PastCurves",
    "Prepared",
    "Reported",
    "Story",
    "apply",
    "fold",
]
