"""When a trial is parked, brought back, audited: the decisions of `early_dynamics`."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import cache, cached_property, lru_cache
from typing import Any

import numpy as np
from threadpoolctl import ThreadpoolController

from sweeps.audit import false_kills
from sweeps.cohort import MIN_MEMBERS
from sweeps.journal import Story
from sweeps.lifecycle import TrialState
from sweeps.pruners.configs import EarlyDynamics
from sweeps.pruners.early_dynamics.history import updated
from sweeps.pruners.early_dynamics.kernel import coordinates, kernel
from sweeps.pruners.early_dynamics.meeting import latest_meeting
from sweeps.pruners.early_dynamics.posterior import Forecast, Known, forecast
from sweeps.pruners.early_dynamics.prior import Prior, Weights, shipped
from sweeps.pruners.early_dynamics.rung import looks_of, mark_of, rung_point
from sweeps.pruners.early_dynamics.scores import Floats
from sweeps.pruners.early_dynamics.sightings import Sightings, plan_of
from sweeps.pruners.early_dynamics.table import Table, table
from sweeps.pruners.early_dynamics.words import Facts, brought_on, overtaken, parked, part, revived
from sweeps.ranks import rank_agreement
from sweeps.seeds import generator
from sweeps.spec import SweepSpec
from sweeps.trial import GO_ON, Report, Verdict

# Below this many trials there is nothing to learn from: the better half goes on.
MIN_TRIALS = 6
# No more than 1 + trials / ABREAST run at once past the rung: slots are left free rather than
# filled with doubtful trials. Another joins those that run only if its chance to beat what they
# promise is at least DOUBT.
ABREAST, DOUBT = 10, 0.1
# Searchers that learn from finals get one finished trial for so many that were looked at.
_LEARNERS, _EXPLORED = ("tpe", "gp", "cmaes"), 5
# The signals carry nothing: so many finals, this little rank agreement, this little trust left.
_ENOUGH, _AGREES, _TRUSTED = 5, 0.1, 0.5
# Finals that the posterior learns from: this many of the best and of the latest.
_KEPT = 16


@dataclass(frozen=True)
class View:
    """A story as the policy sees it. `lead` is the prior's order, before any final is known;
    `forecast` is None until a trial with a rung has a finite final."""

    table: Table
    lead: Floats
    forecast: Forecast | None
    agreement: float | None
    risk: float
    tolerance: float

    @cached_property
    def chances(self) -> Floats:
        """Every trial's chance to end best or within tolerance; 0 before any final is known."""
        if self.forecast is None:
            return np.zeros(len(self.table.rows))
        return self.forecast.chances(self.tolerance, [])

    @property
    def blind(self) -> bool:
        """True when the signals were seen to carry nothing."""
        return (
            self.forecast is not None
            and len(self.table.finished) >= _ENOUGH
            and self.agreement is not None
            and self.agreement < _AGREES
            and self.forecast.trust < _TRUSTED
        )


class EarlyDynamicsPruner:
    """Parks every trial at its first rung, then brings back the most promising ones.

    `prior` is what other problems taught, by default the one shipped. With fewer than MIN_TRIALS
    trials or no signal the better half by score goes on, all of them when there are fewer than
    MIN_MEMBERS. It keeps what it worked out of each trial's own reports (`Sightings`).
    docs/pruning.md has the formulas.
    """

    # Parks a trial that has nobody to be compared with yet; see `sweeps.pruners.decide`.
    waits = True

    def __init__(self, spec: SweepSpec, prior: Prior | None = None) -> None:
        config = spec.spec.pruning
        if not isinstance(config, EarlyDynamics):
            raise TypeError(f"the pruner early_dynamics got the settings of {config.type}")
        self._spec, self._config, self._prior = spec, config, prior or shipped()
        self._mark, self._looks = mark_of(spec), looks_of(spec)
        self._sightings = Sightings(spec)
        # What past sweeps add to some weights, and what that was asked of.
        self._learned: tuple[tuple[Weights, list[dict[str, Any]]], Weights] | None = None

    def judge(self, story: Story, number: int, report: Report) -> Verdict:
        """Parked at the first rung until the others are there, once more where it meets those of
        later first rungs, and at a later look when a parked trial is more likely to win now;
        everywhere else on."""
        record = story.trials[number]
        mine = replace(record, reports={**record.reports, report.point: report})
        plan = plan_of(self._spec, story, record.trial.params)
        rung = rung_point(mine.reports, plan, self._mark)
        past = rung is not None and rung < report.point
        again = past and report.point in self._looks
        meets = past and report.point <= latest_meeting(plan.points)
        if rung != report.point and not again and not meets:
            return GO_ON
        trials = {**story.trials, number: mine}
        seen = self._table(replace(story, trials=trials))
        if not any(_speaks(row.costs.values()) for row in seen.rows):
            return GO_ON
        index = next(i for i, row in enumerate(seen.rows) if row.number == number)
        row = seen.rows[index]
        if past and not (row.brought and report.point == row.meets):
            return self._again(story, seen, index, report.point)
        # Who waits needs no forecast: that is made when a slot is free.
        return parked(self._facts(self._view(story, seen, foretell=False), index))

    def _again(self, story: Story, seen: Table, index: int, point: int) -> Verdict:
        """Parked once more when a parked trial's chance is the larger one."""
        few, row = len(seen.rows) < MIN_TRIALS or not seen.parked, seen.rows[index]
        if few or point not in seen.looks or row.audited or row.comes:
            return GO_ON
        view = self._view(story, seen)
        if view.blind:
            return GO_ON
        found, rivals = view.lead, [i for i in seen.ahead if i != index]
        if view.forecast is not None:
            found = view.forecast.chances(self._config.tolerance, rivals)
        first = max(seen.parked, key=lambda i: (round(float(found[i]), 9), -i))
        if found[first] <= found[index] + 1e-9:
            return GO_ON
        return overtaken(self._facts(view, index), point, seen.rows[first].number)

    def revive(self, story: Story, last: bool, more: bool) -> tuple[int, Verdict] | None:
        """The parked trial of the largest chance, as long as the chance that any of them beats the
        best is above the risk; then those that the audit draws."""
        waiting = any(r.state == TrialState.PAUSED for r in story.trials.values())
        if not waiting or (more and self._spec.spec.method.type not in _LEARNERS):
            return None
        seen = self._table(story)
        if seen.behind and not more and not self._awaited(story, seen):
            facts = self._facts(self._view(story, seen, foretell=False), seen.behind[0])
            return facts.row.number, brought_on(facts)
        if not seen.parked or self._crowded(seen):
            return None
        if not more and any(row.comes for row in seen.rows):
            return None
        view = self._view(story, seen)
        if more:
            explored = sum(row.point is not None for row in seen.rows)
            enough = len(seen.ahead) + len(seen.finished) >= max(1, explored // _EXPLORED)
            chosen = None if enough or explored < MIN_MEMBERS else self._leader(view)
        elif self._awaited(story, seen):
            return None  # nobody is condemned, or audited, before the others are there
        else:
            chosen = self._chosen(view)
        if chosen is not None:
            return seen.rows[chosen].number, revived(self._facts(view, chosen))
        return None if more or seen.ahead else self._audited(view)

    def _crowded(self, seen: Table) -> bool:
        """True when so many run past the rung that what they come to may make the next needless.
        Never where nothing is learned from what they come to."""
        learns = len(seen.rows) >= MIN_TRIALS and bool(seen.signals)
        return learns and len(seen.ahead) > len(seen.rows) // ABREAST

    def part(self, story: Story) -> dict[int, Verdict]:
        """What is said of the trials that are still parked at the end, by number."""
        view = self._view(story, self._table(story))
        rows = view.table.rows
        return {rows[i].number: part(self._facts(view, i)) for i in view.table.parked}

    def _table(self, story: Story) -> Table:
        return table(self._spec, story, self._config, self._sightings)

    def _view(self, story: Story, seen: Table, *, foretell: bool = True) -> View:
        weights = self._weights(story, seen)
        lead = seen.scores @ weights.mean_array
        learnt = [i for i in seen.finished if seen.rows[i].point is not None]
        agreement = rank_agreement((float(lead[i]), -_cost(seen.rows[i].final)) for i in learnt)
        risk = self._config.risk / (1 + false_kills(self._spec, story))
        finite = any(math.isfinite(_cost(seen.rows[i].final)) for i in seen.finished)
        found = self._forecast(seen, weights, learnt) if foretell and learnt and finite else None
        return View(seen, lead, found, agreement, risk, self._config.tolerance)

    def _weights(self, story: Story, seen: Table) -> Weights:
        weights = self._prior.of(seen.signals)
        if not self._config.history or not story.evidence:
            return weights
        asked = (weights, story.evidence)
        if self._learned is None or self._learned[0] != asked:
            higher = self._spec.spec.metric.goal == "maximize"
            recipe = self._spec.spec.workload.recipe
            self._learned = asked, updated(weights, story.evidence, higher, recipe)
        return self._learned[1]

    def _forecast(self, seen: Table, weights: Weights, learnt: list[int]) -> Forecast:
        """From the finals that are known, at most 2 x _KEPT of them. A trial that ended before any
        rung raises the bar and teaches nothing."""
        if len(learnt) > 2 * _KEPT:
            first = sorted(learnt, key=lambda i: (_cost(seen.rows[i].final), i))[:_KEPT]
            learnt = sorted({*first, *[i for i in learnt if i not in first][-_KEPT:]})
        axes = coordinates([row.record.trial.params for row in seen.rows])
        costs = np.array([_cost(seen.rows[i].final) for i in learnt])
        best = min(_cost(seen.rows[i].final) for i in seen.finished)
        known = Known(seen.scores, learnt, costs, kernel(axes, learnt, len(seen.rows)), best)
        # Many small products: several threads take longer for them, and round differently on
        # machines of other numbers of cores.
        with _threads().limit(limits=1):
            return forecast(known, weights)

    def _awaited(self, story: Story, seen: Table) -> bool:
        """True while a trial is on its way to a rung that comes soon or where others meet it."""
        for row in seen.rows:
            if row.runs and row.point is None:
                plan = plan_of(self._spec, story, row.record.trial.params)
                rung = plan.first_report(self._mark)
                if rung is not None and rung <= max(2 * self._mark, row.meets or 0):
                    return True
        return False

    def _chosen(self, view: View) -> int | None:
        """Who goes on now; None when the rest may stay where it is."""
        seen, total = view.table, len(view.table.rows)
        if total < MIN_TRIALS or not seen.signals:
            return self._of_the_better_half(view)
        if view.blind:
            return self._leader(view)
        if view.forecast is None:
            return self._leader(view)
        chances = view.forecast.chances(self._config.tolerance, seen.ahead)
        first = max(seen.parked, key=lambda i: (round(float(chances[i]), 9), -i))
        if _any(chances[seen.parked]) > view.risk:
            return first if not seen.ahead or chances[first] >= DOUBT else None
        return self._tied_with_the_leader(view)

    def _of_the_better_half(self, view: View) -> int | None:
        seen, total = view.table, len(view.table.rows)
        whole = total < MIN_MEMBERS or not any(_speaks(row.costs.values()) for row in seen.rows)
        places = total if whole else math.ceil(total / 2)
        sound = [i for i in seen.finished if math.isfinite(_cost(seen.rows[i].final))]
        if len(seen.ahead) + len(sound) < places:
            return max(seen.parked, key=lambda i: (round(float(view.lead[i]), 9), -i))
        return self._tied_with_the_leader(view)

    def _leader(self, view: View) -> int:
        """The best of the parked: by chance where finals are known, else by the prior."""
        found = view.lead if view.forecast is None else view.chances
        return max(view.table.parked, key=lambda i: (round(float(found[i]), 9), -i))

    def _tied_with_the_leader(self, view: View) -> int | None:
        """A parked trial that looked exactly like the most promising of all, which went on: equal
        trials are treated equally."""
        parked, top = view.table.parked, max(view.lead)
        tied = [i for i, lead in enumerate(view.lead) if lead == top]
        return next((i for i in tied if i in parked), None) if set(tied) - set(parked) else None

    def _audited(self, view: View) -> tuple[int, Verdict] | None:
        """The next of the condemned that its draw lets run on."""
        for index in view.table.parked:
            number = view.table.rows[index].number
            # By name too: sweeps share the default seed, and would all audit the same numbers.
            purpose = f"audit of {self._spec.metadata.name}"
            if _drawn(self._spec.spec.seed, purpose, number) < self._config.audit:
                return number, revived(self._facts(view, index), audit=True)
        return None

    def _facts(self, view: View, index: int) -> Facts:
        seen, parked_ = view.table, view.table.parked
        known = view.forecast is not None
        chances = view.chances
        held = [*(i for i in parked_ if i != index), index]
        return Facts(
            view=seen,
            index=index,
            lead=view.lead,
            probability=float(chances[index]) if known else None,
            miss=_any(chances[held]) if known else None,
            stated=self._config.risk,
            below=view.risk,
            agreement=view.agreement,
            points=self._spec.spec.report.points,
            blind=view.blind,
        )


@cache
def _threads() -> ThreadpoolController:
    """Looking for the libraries that have threads takes milliseconds; they stay the same."""
    return ThreadpoolController()


@lru_cache(maxsize=16384)
def _drawn(seed: int, purpose: str, number: int) -> float:
    """A draw takes a twentieth of a millisecond, and is asked for again at every verdict."""
    return float(generator(seed, purpose, number).random())


def _any(chances: Floats) -> float:
    """1 - prod(1 - P): the chance that one of them holds, as if they were independent."""
    return float(1 - np.exp(np.log1p(-np.minimum(chances, 1 - 1e-12)).sum()))


def _cost(value: float | None) -> float:
    return math.inf if value is None else value


def _speaks(costs: Iterable[float]) -> bool:
    return any(not math.isnan(value) for value in costs)
