"""Confirmation: the finalists of a search rerun whole on fresh seeds. Pure.

The best of many single runs is also the luckiest of them, so its own value says too much for it
(the winner's curse). Runs that had no part in choosing it do not.
"""

from __future__ import annotations

from sweeps.configurations import SEEDS, Configuration, Key, configurations, key
from sweeps.drops import panel, scores_of
from sweeps.journal import Asked, Story
from sweeps.lifecycle import TRIAL_ENDS, TrialState
from sweeps.seeds import generator
from sweeps.spec import SweepSpec
from sweeps.trial import Params, Role


def finalists(spec: SweepSpec, story: Story) -> list[Configuration]:
    """The `confirm.top` configurations whose own runs are best, best first; fewer when fewer
    finished. Empty when nothing is to be confirmed. One that breaks `max_drop` is no finalist;
    while the base model's scores are not known, nobody is."""
    confirm = spec.spec.confirm
    if confirm is None:
        return []
    records = [record for _, record in sorted(story.trials.items())]
    # Confirmation runs count for the first of equal configurations: another one would be given new
    # runs for ever.
    apart = dict[Key, Configuration]()
    for one in configurations(spec, records):
        apart.setdefault(key(one.best.trial.params), one)
    against = panel(spec, records)
    fit = [one for one in apart.values() if not against.over(scores_of(one.search))]
    return fit[: confirm.top]


def confirmation(spec: SweepSpec, story: Story) -> Asked | None:
    """The next confirmation run; None when there is none (yet).

    None while a search trial runs or waits; the caller sees to it that the searcher has nothing
    more and that no parked trial comes back. Every finalist gets its first seed before any gets
    its second. A run that failed is not replaced.
    """
    confirm = spec.spec.confirm
    if confirm is None or search_is_open(story):
        return None
    waiting = [
        (len(one.confirmed), place, one)
        for place, one in enumerate(finalists(spec, story))
        if len(one.confirmed) < confirm.seeds
    ]
    if not waiting:
        return None
    done, _, one = min(waiting)
    seed = fresh_seed(spec.spec.seed, one.best.trial.number, done)
    return Asked(
        trial=len(story.trials),
        params=reseeded(one.best.trial.params, seed),
        role=Role.CONFIRM,
        seed=seed,
    )


def confirmed(spec: SweepSpec, story: Story) -> bool:
    """True when every finalist has all its confirmation runs behind it."""
    runs = [r for r in story.trials.values() if r.trial.role is Role.CONFIRM]
    if search_is_open(story) or not runs or any(r.state not in TRIAL_ENDS for r in runs):
        return False
    return confirmation(spec, story) is None


def fresh_seed(seed: int, trial: int, run: int) -> int:
    """The seed of confirmation run `run` (0, 1, ...) of search trial `trial`."""
    return int(generator(seed, f"confirm-{run}", trial).integers(2**31))


def reseeded(params: Params, seed: int) -> Params:
    """The configuration on another seed: one that names seeds of its own gets this one there."""
    return {name: seed if name in SEEDS else value for name, value in params.items()}


def search_is_open(story: Story) -> bool:
    """True while a search trial runs or waits. A parked one does neither."""
    going = (TrialState.PENDING, TrialState.RUNNING)
    search = (r for r in story.trials.values() if r.trial.role is Role.SEARCH)
    return any(record.state in going for record in search)
