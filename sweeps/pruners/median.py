"""Median stopping (Golovin et al. 2017, Google Vizier), at equal decision points of a cohort."""

from __future__ import annotations

import math
from statistics import median

from sweeps.cohort import cohort
from sweeps.drops import panel
from sweeps.journal import Story
from sweeps.metric import best, best_so_far, cost, value_at
from sweeps.pruners.base import NeverRevives, run_of
from sweeps.pruners.configs import Median
from sweeps.pruners.peers import nearest
from sweeps.spec import SweepSpec
from sweeps.trial import GO_ON, Action, Evidence, Report, TrialRecord, Verdict


class MedianPruner(NeverRevives):
    """Stops a trial whose best metric so far is worse than its peers' median at the same point.

    Peers are those members of the cohort that measured the metric at this very point, past their
    own warmup; a trial that has since been stopped still counts. A tie goes on. A metric that was
    measured and is not finite counts as the worst; so does a trial that ended beyond `max_drop`.
    """

    def __init__(self, spec: SweepSpec) -> None:
        config = spec.spec.pruning
        if not isinstance(config, Median):
            raise TypeError(f"the median pruner got the settings of {config.type}")
        self._spec, self._config, self._metric = spec, config, spec.spec.metric

    def judge(self, story: Story, number: int, report: Report) -> Verdict:
        """Stop when strictly worse than the median of at least `min_peers` peers, else go on."""
        record, metric = story.trials[number], self._metric
        now = value_at(report, metric.name)
        if now is None or report.point < self._config.grace * self._spec.spec.report.points:
            return GO_ON
        if not self._past_warmup(story, record, report.point):
            return GO_ON
        peers = self._peers(story, record, report.point)
        if len(peers) < self._config.min_peers:
            return GO_ON
        mine = best([best_so_far(record, metric, report.point), now], metric)
        cutoff = self._median(list(peers.values()))
        if mine is None or cost(mine, metric) <= cost(cutoff, metric):
            return GO_ON
        return self._stop(report, mine, cutoff, peers)

    def _peers(self, story: Story, record: TrialRecord, point: int) -> dict[int, float]:
        """Best so far by trial number, of the peers that measured the metric at `point`."""
        found: dict[int, float] = {}
        limits = panel(self._spec, story.trials.values())
        for peer in cohort(self._spec, story, record.trial):
            there = peer.reports.get(point)
            if there is None or value_at(there, self._metric.name) is None:
                continue
            value = best_so_far(peer, self._metric, point)
            if value is not None and self._past_warmup(story, peer, point):
                found[peer.trial.number] = math.nan if limits.breaks(peer) else value
        return found

    def _past_warmup(self, story: Story, record: TrialRecord, point: int) -> bool:
        return run_of(self._spec, story, record.trial.params).past_warmup(point)

    def _median(self, values: list[float]) -> float:
        middle = median(cost(value, self._metric) for value in values)
        if not math.isfinite(middle):
            return math.nan
        return middle if self._metric.goal == "minimize" else -middle

    def _stop(self, report: Report, mine: float, cutoff: float, peers: dict[int, float]) -> Verdict:
        name, points = self._metric.name, self._spec.spec.report.points
        message = (
            f"At point {report.point} of {points} ({report.samples:,} samples) its best {name} so "
            f"far was {mine:.4g}, worse than {cutoff:.4g}, the median of {len(peers)} trials at "
            "the same point."
        )
        evidence = Evidence(
            signal=name,
            value=mine,
            cutoff=cutoff,
            peers=nearest(peers.items(), mine),
            details={"point": report.point, "samples": report.samples, "peers": len(peers)},
        )
        return Verdict(action=Action.STOP, reason="median", message=message, evidence=evidence)
