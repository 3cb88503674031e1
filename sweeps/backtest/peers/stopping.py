"""Asynchronous successive halving that stops: the variant that Ray Tune runs as ASHA."""

from __future__ import annotations

import math

import numpy as np

from sweeps.backtest.peers.rungs import at_rung
from sweeps.journal import Story
from sweeps.metric import cost, value_at
from sweeps.pruners.base import NeverRevives
from sweeps.pruners.configs import Halving
from sweeps.spec import SweepSpec
from sweeps.trial import GO_ON, Action, Evidence, Report, Role, Verdict


class AshaStopping(NeverRevives):
    """Li et al. 2020 (arXiv 1810.05934) without pauses: at a rung a trial stops when its metric is
    worse than the (1 - 1/eta) quantile, by goodness, of those that were there before it.

    The first at a rung goes on. A rung is the first report at or after its mark that has the
    metric, past the warmup. eta and marks are those of `halving`.
    """

    reason = "asha_stopping"

    def __init__(self, spec: SweepSpec) -> None:
        """Whatever `spec.pruning` says, eta and grace are the defaults of Halving."""
        config = Halving(type="halving")
        self._spec, self._metric, self._eta = spec, spec.spec.metric, config.eta
        self._marks = config.rungs(spec.spec.report.points)

    def judge(self, story: Story, number: int, report: Report) -> Verdict:
        """Stop when worse than the cutoff of a rung that it enters with this report."""
        record = story.trials[number]
        value = value_at(report, self._metric.name)
        reports = {**record.reports, report.point: report}
        for mark in self._marks:
            mine = at_rung(self._spec, story, record.trial, reports, mark)
            if value is None or mine is not report:
                continue
            costs = self._costs(story, number, mark)
            cutoff = _quantile(costs, 1 / self._eta)
            if cutoff is not None and cost(value, self._metric) > cutoff:
                return self._stop(report, value, cutoff, len(costs))
        return GO_ON

    def _costs(self, story: Story, number: int, mark: int) -> list[float]:
        """Those of the other trials at this rung."""
        found = []
        for other, record in story.trials.items():
            if other == number or record.trial.role is not Role.SEARCH:
                continue
            there = at_rung(self._spec, story, record.trial, record.reports, mark)
            value = None if there is None else value_at(there, self._metric.name)
            found += [] if value is None else [cost(value, self._metric)]
        return found

    def _stop(self, report: Report, value: float, cutoff: float, peers: int) -> Verdict:
        bar = cutoff if self._metric.goal == "minimize" else -cutoff
        message = f"At point {report.point} it is worse than {bar:.4g}, the bar of {peers} trials."
        evidence = Evidence(signal=self._metric.name, value=value, cutoff=bar)
        return Verdict(action=Action.STOP, reason=self.reason, message=message, evidence=evidence)


def _quantile(costs: list[float], share: float) -> float | None:
    """Linear between neighbours; None of nothing. Infinite costs count as the worst finite one."""
    finite = [value for value in costs if math.isfinite(value)]
    if not finite:
        return None
    filled = [value if math.isfinite(value) else max(finite) for value in costs]
    return float(np.quantile(filled, share))
