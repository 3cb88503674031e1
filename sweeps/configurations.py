"""The configurations of a search with all their runs: what is ranked, and what is confirmed."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

from sweeps.lifecycle import TrialState
from sweeps.metric import cost, final
from sweeps.spec import Metric, SweepSpec
from sweeps.trial import Params, Role, TrialRecord

# Parameters that make another run of the same configuration, not another configuration.
SEEDS = ("seed", "data_seed")

Key = tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Configuration:
    """A configuration that finished at least once with a finite final.

    `search` are its finished search trials, best first: one, or several where the search itself
    varies the seed. `values` are their finals. `confirmed` are all its confirmation runs, in the
    order asked, whatever became of them.
    """

    search: list[TrialRecord]
    values: list[float]
    confirmed: list[TrialRecord] = field(default_factory=list)

    @property
    def best(self) -> TrialRecord:
        """The search trial that stands for it: the best of its own."""
        return self.search[0]


def configurations(spec: SweepSpec, records: Sequence[TrialRecord]) -> list[Configuration]:
    """Best first by the mean of their own search runs, equal ones in the order asked.

    `records` are the trials of all roles, by number.
    """
    metric, groups = spec.spec.metric, dict[tuple[Key, int | None], list[TrialRecord]]()
    for record in records:
        value = finite_final(spec, record)
        if record.trial.role is Role.SEARCH and value is not None:
            groups.setdefault(_identity(record), []).append(record)
    found = [_configuration(spec, group) for group in groups.values()]
    found.sort(key=lambda one: (cost(mean(one.values), metric), one.search[0].trial.number))
    taken = dict[Key, Configuration]()
    for one in found:
        taken.setdefault(key(one.best.trial.params), one)
    for record in records:
        owner = taken.get(key(record.trial.params))
        if record.trial.role is Role.CONFIRM and owner is not None:
            owner.confirmed.append(record)
    return found


def finite_final(
    spec: SweepSpec, record: TrialRecord, metric: Metric | None = None
) -> float | None:
    """The final of a finished trial, None when it has none or one that is not a finite number.
    Of the sweep's metric, or of another one."""
    if record.state != TrialState.DONE:
        return None
    value = final(record, metric or spec.spec.metric, spec.spec.report.points)
    return value if value is not None and math.isfinite(value) else None


def key(params: Params) -> Key:
    """Equal for runs of one configuration: its parameters without the seeds."""
    return tuple(sorted((n, repr(value)) for n, value in params.items() if n not in SEEDS))


def mean(values: Sequence[float]) -> float:
    """The mean of finite values that may be huge."""
    try:
        return math.fsum(values) / len(values)
    except OverflowError:
        return sum(value / len(values) for value in values)


def _identity(record: TrialRecord) -> tuple[Key, int | None]:
    """Trials are runs of one configuration only when the search varied a seed between them."""
    params = record.trial.params
    own = None if any(name in params for name in SEEDS) else record.trial.number
    return key(params), own


def _configuration(spec: SweepSpec, group: list[TrialRecord]) -> Configuration:
    def order(record: TrialRecord) -> tuple[float, int]:
        value = finite_final(spec, record)
        return cost(math.nan if value is None else value, spec.spec.metric), record.trial.number

    search = sorted(group, key=order)
    values = [value for one in search if (value := finite_final(spec, one)) is not None]
    return Configuration(search, values)
