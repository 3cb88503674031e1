"""Which trials keep their checkpoints: a pure function of the spec and the story."""

from __future__ import annotations

from collections.abc import Sequence

from sweeps.advice import recommended
from sweeps.configurations import SEEDS, Configuration, configurations, finite_final
from sweeps.confirming import confirmed, finalists
from sweeps.drops import Panel, panel, scores_of
from sweeps.journal import Story
from sweeps.lifecycle import TRIAL_ENDS, TrialState
from sweeps.metric import cost, ranked_by
from sweeps.ranking import eligible, rank
from sweeps.spec import SweepSpec
from sweeps.trial import Role, TrialRecord

# How many checkpoints a trial that may go on has: the newest, and the one before it.
PER_TRIAL = 2
# FAILED is one of them: a user may retry it.
_MAY_GO_ON = frozenset({TrialState.PENDING, TrialState.PAUSED, TrialState.FAILED})


def best_finished(spec: SweepSpec, story: Story, *, complete: bool = True) -> list[int]:
    """The finished search trials whose weights stay, each the best run of its configuration.

    In the end they are the `checkpoints.keep_best` first of the ranking that may win, best first.
    Where the sweep repeats runs (`confirm`, an axis `seed`) the recommended one is with them, as
    it is known before any of these is let go. Until then all stay that can still come to that:

    - while the base model's scores are not known, all: nobody knows who breaks a limit;
    - until a search over seeds is over, all: the next seed changes the mean and the drops. Between
      two trials only the searcher knows whether it is: `complete`, no more trials will be asked;
    - until confirmation is over, what `_before_confirmation` says.

    One that is not among these now never will be, unless a trial is retried after the end.
    """
    keep, confirm = spec.spec.checkpoints.keep_best, spec.spec.confirm
    if not keep:
        return []
    records = [record for _, record in sorted(story.trials.items())]
    found, against = configurations(spec, records), panel(spec, records, unseen=True)
    over_seeds = any(name in SEEDS for name in spec.spec.parameters.names)
    over = confirmed(spec, story) if confirm is not None else complete and _all_ended(records)
    if (against.limits and against.base is None) or (over_seeds and not over):
        return _numbers(found)
    if over and (over_seeds or confirm is not None):
        rows = eligible(rank(spec, records))
        taken = recommended(rows)
        return [row.trial for place, row in enumerate(rows) if place < keep or row is taken]
    fit = _fit(spec, found, against)
    return fit[:keep] if confirm is None else _before_confirmation(spec, story, found, fit)


def kept(spec: SweepSpec, story: Story, *, cancelled: bool, complete: bool = False) -> set[int]:
    """The trials whose checkpoints stay: the best, those that run, and those that may go on, which
    none may once the sweep is `cancelled`. The checkpoints of all others can go for good.
    `complete`: no more trials will be asked."""
    onward = {TrialState.RUNNING} if cancelled else _MAY_GO_ON | {TrialState.RUNNING}
    going = {number for number, record in story.trials.items() if record.state in onward}
    return going | set(best_finished(spec, story, complete=complete))


def _before_confirmation(
    spec: SweepSpec, story: Story, found: Sequence[Configuration], fit: Sequence[int]
) -> list[int]:
    """Every finalist, every configuration that was confirmed, and the `keep_best` first of `fit`,
    those that may win as their single runs are ranked.

    Confirmed ones are ranked first, the rest only fills up what they leave. With `max_drop` they
    may leave all, as confirmation can convict every one of them; then the `keep_best` are counted
    beside them. Nobody of the rest becomes a finalist later: new trials only push finalists out.
    """
    keep = spec.spec.checkpoints.keep_best
    first = _numbers([*finalists(spec, story), *(one for one in found if one.confirmed)])
    if spec.spec.metric.max_drop:
        fit = [number for number in fit if number not in first]
    return list(dict.fromkeys([*first, *fit[:keep]]))


def _fit(spec: SweepSpec, found: Sequence[Configuration], against: Panel) -> list[int]:
    """Single runs that may win, as the ranking judges them, best first."""
    by, rows = ranked_by(spec), list[tuple[float, int]]()
    for one in found:
        value = finite_final(spec, one.best, by)
        if value is not None and not against.over(scores_of(one.search)):
            rows.append((cost(value, by), one.best.trial.number))
    return [number for _, number in sorted(rows)]


def _numbers(found: Sequence[Configuration]) -> list[int]:
    return list(dict.fromkeys(one.best.trial.number for one in found))


def _all_ended(records: Sequence[TrialRecord]) -> bool:
    search = [record for record in records if record.trial.role is Role.SEARCH]
    return all(record.state in TRIAL_ENDS for record in search)
