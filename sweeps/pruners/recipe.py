"""The early-stopping rule of "Unveiling the Secret Recipe" (arXiv 2412.13337), to the letter.

Its finding: in SFT, "lower early gradient norms and higher early losses" go with better finals, so
bad runs can be stopped early. It gives no window, no threshold, no kill rule, and no correlation;
what is needed to act on it is ours: the point (`at`), the share kept (`keep`) and the sum of ranks.
On other data the sign is the opposite (docs: evidence), so this is no default.
"""

from __future__ import annotations

import math
from collections.abc import Hashable
from fractions import Fraction

import numpy as np

from sweeps.cohort import MIN_MEMBERS, batches, key_of
from sweeps.journal import Story
from sweeps.pruners.base import run_of
from sweeps.pruners.configs import Recipe
from sweeps.pruners.promotion import Entrant, Promotion
from sweeps.spec import SweepSpec
from sweeps.trial import Report, Spread, Trial, TrialRecord

_MAD_TO_SIGMA = 1.4826


class RecipePruner(Promotion):
    """At one early point, the best floor(keep x n) of n trials of equal global batch go on.

    Score = rank of grad_norm, the lowest 1, + rank of loss, the highest 1; equal values share the
    mean of their ranks. Both are those of the window before the point. A trial whose loss has not
    fallen by then ranks behind all that have (`learns`): an untrained run has high loss and low
    norm too. Groups of equal batch below MIN_MEMBERS get no verdict: a larger batch lowers the norm
    by itself.
    """

    signal, reason = "grad_norm_rank_plus_loss_rank", "recipe"

    def __init__(self, spec: SweepSpec) -> None:
        config = spec.spec.pruning
        if not isinstance(config, Recipe):
            raise TypeError(f"the recipe pruner got the settings of {config.type}")
        super().__init__(spec, config.rungs(spec.spec.report.points))
        # Through the decimal text: 0.29 of 100 is 29.
        self._keep = Fraction(str(config.keep))

    def group(self, story: Story, trial: Trial) -> Hashable:
        """Cohort and global batch."""
        return (key_of(self._spec, story, trial), batches(trial.params))

    def measured(self, report: Report) -> bool:
        """True when both signals are there and are numbers."""
        spreads = (report.window.grad_norm, report.window.loss)
        return all(spread is not None and math.isfinite(spread.value) for spread in spreads)

    def places(self, entrants: int) -> int:
        """floor(keep x entrants)."""
        return math.floor(self._keep * entrants)

    def enough(self, story: Story, members: list[TrialRecord], point: int) -> bool:
        """True when at least MIN_MEMBERS of the group are, or will be, judged at this point."""
        rivals = (r for r in members if self._point_of(story, r.trial) == point)
        return sum(1 for _ in rivals) >= MIN_MEMBERS

    def scored(self, records: list[TrialRecord], point: int) -> list[Entrant]:
        """By the sum of both ranks."""
        norms = np.array([_value(r.reports[point].window.grad_norm) for r in records])
        losses = np.array([_value(r.reports[point].window.loss) for r in records])
        by_norm, by_loss, behind = _ranks(norms), _ranks(-losses), 2.0 * len(records)
        found = []
        for index, record in enumerate(records):
            learnt = learns(record, point)
            score = float(by_norm[index] + by_loss[index]) + (0.0 if learnt else behind)
            norm, loss = float(norms[index]), float(losses[index])
            said = f"ranks by gradient norm ({norm:.4g}) and loss ({loss:.4g}) add up to {score:g}"
            if not learnt:
                said += f", {behind:g} of it because its loss has not fallen"
            facts: dict[str, float | None] = {
                "grad_norm": norm,
                "loss": loss,
                "grad_norm_rank": float(by_norm[index]),
                "loss_rank": float(by_loss[index]),
                "learns": float(learnt),
            }
            found.append(Entrant(record, score, score, said, facts))
        return found

    def _point_of(self, story: Story, trial: Trial) -> int | None:
        """The point at which a trial is judged, as its plan says."""
        run = run_of(self._spec, story, trial.params)
        return run.first_report(self._marks[0]) if self._marks else None


def learns(record: TrialRecord, point: int) -> bool:
    """False when the loss at `point` is not below the trial's first.

    Mean of the window against that of the first window, by more than one standard error of the
    difference: sigma = 1.4826 MAD of each, over the root of its steps. When `point` is the first
    report, against its own first step alone; with a single step seen nothing can be told: True.
    """
    now, start = record.reports[point].window, record.reports[min(record.reports)].window
    if now.loss is None or start.loss is None:
        return True
    if start is now:
        return now.steps < 2 or now.loss.first > now.loss.value
    squares = [(_MAD_TO_SIGMA * w.loss.mad) ** 2 / w.steps for w in (now, start) if w.loss]
    return start.loss.value - now.loss.value > math.sqrt(sum(squares))


def _ranks(values: np.ndarray[tuple[int], np.dtype[np.float64]]) -> list[float]:
    """1 for the least; equal values share the mean of their ranks."""
    below = (values[None, :] < values[:, None]).sum(axis=1)
    equal = (values[None, :] == values[:, None]).sum(axis=1)
    return [float(b + (e + 1) / 2) for b, e in zip(below, equal, strict=True)]


def _value(spread: Spread | None) -> float:
    return math.nan if spread is None else spread.value
