"""What goes over the wire, both ways. Requests refuse unknown keys; answers may grow new ones.

NaN and infinities travel as the strings "NaN", "Infinity", "-Infinity"; null is absent. The bodies
of each of `service.routes` are in a module of its name; everybody imports them from here.
"""

from __future__ import annotations

from service.schemas.base import Answer, Line, Number, SweepId, TrialId
from service.schemas.commands import Accepted, Command, Retried
from service.schemas.events import Event
from service.schemas.health import Health
from service.schemas.journal import (
    LONGEST_MESSAGE,
    Costs,
    FinishRequest,
    JournalAck,
    JournalAppend,
    JournalPage,
    PastPoint,
    PastSweep,
    PastSweeps,
    PastTrial,
)
from service.schemas.leases import ClaimRequest, Lease, Renewal, RenewRequest
from service.schemas.pools import Agent, Pool, PoolList
from service.schemas.problems import Problem, ProblemFault
from service.schemas.reports import PruningHistory, SweepPruning
from service.schemas.sweeps import PatchBudget, PatchSweep, Sweep, SweepDetail, SweepPage, Tracking
from service.schemas.trials import (
    Attempt,
    ReportLine,
    ReportPage,
    SweepReport,
    Trial,
    TrialDetail,
    TrialPage,
    Why,
)

__all__ = [
    "LONGEST_MESSAGE",
    "Accepted",
    "Agent",
    "Answer",
    "Attempt",
    "ClaimRequest",
    "Command",
    "Costs",
    "Event",
    "FinishRequest",
    "Health",
    "JournalAck",
    "JournalAppend",
    "JournalPage",
    "Lease",
    "Line",
    "Number",
    "PastPoint",
    "PastSweep",
    "PastSweeps",
    "PastTrial",
    "PatchBudget",
    "PatchSweep",
    "Pool",
    "PoolList",
    "Problem",
    "ProblemFault",
    "PruningHistory",
    "RenewRequest",
    "Renewal",
    "ReportLine",
    "ReportPage",
    "Retried",
    "Sweep",
    "SweepDetail",
    "SweepId",
    "SweepPage",
    "SweepPruning",
    "SweepReport",
    "Tracking",
    "Trial",
    "TrialDetail",
    "TrialId",
    "TrialPage",
    "Why",
]
