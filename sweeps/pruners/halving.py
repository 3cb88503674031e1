"""Asynchronous successive halving by promotion (ASHA: Li et al. 2020, arXiv 1810.05934)."""

from __future__ import annotations

import math
from collections.abc import Hashable

from sweeps.cohort import key_of
from sweeps.journal import Story
from sweeps.metric import cost, value_at
from sweeps.pruners.configs import Halving
from sweeps.pruners.promotion import Entrant, Promotion
from sweeps.spec import SweepSpec
from sweeps.trial import Report, Trial, TrialRecord


class HalvingPruner(Promotion):
    """Of n trials of a cohort that reached a rung, the best floor(n / eta) go on.

    Rung r is at point round(grace x points x eta^r). Compared is the metric there, not the best so
    far. As in the paper nobody goes on before eta trials are there; unlike there, a trial that is
    among the best when it arrives goes straight on, a trial that broke frees its place, and at the
    end each rung has at least one place, so that each cohort finishes a trial.
    """

    reason = "halving"

    def __init__(self, spec: SweepSpec) -> None:
        config = spec.spec.pruning
        if not isinstance(config, Halving):
            raise TypeError(f"the halving pruner got the settings of {config.type}")
        super().__init__(spec, config.rungs(spec.spec.report.points))
        self._eta, self._metric, self.signal = config.eta, spec.spec.metric, spec.spec.metric.name

    def group(self, story: Story, trial: Trial) -> Hashable:
        """The cohort."""
        return key_of(self._spec, story, trial)

    def measured(self, report: Report) -> bool:
        """True when the metric was taken here, whatever it was."""
        return value_at(report, self._metric.name) is not None

    def places(self, entrants: int) -> int:
        """floor(entrants / eta)."""
        return entrants // self._eta

    def scored(self, records: list[TrialRecord], point: int) -> list[Entrant]:
        """By the metric at the point; what is not finite never goes on."""
        return [self._entrant(record, record.reports[point]) for record in records]

    def _entrant(self, record: TrialRecord, report: Report) -> Entrant:
        value = value_at(report, self._metric.name)
        value = math.nan if value is None else value
        return Entrant(record, cost(value, self._metric), value, f"{self.signal} was {value:.4g}")
