"""Pruners over recorded sweeps: what they spend, and how far from the best they end.

`run` drives one policy through the conductor of the live sweep on a virtual clock; `backtest` makes
the table of `sweepctl backtest`, with the peers in it.
"""

from sweeps.backtest.engine import Policy, Settings, run, run_all, tellers
from sweeps.backtest.scoring import Outcome, Scale
from sweeps.backtest.summary import Backtest, Row, summarise

__all__ = [
    "Backtest",
    "Outcome",
    "Policy",
    "Row",
    "Scale",
    "Settings",
    "run",
    "run_all",
    "summarise",
    "tellers",
]
