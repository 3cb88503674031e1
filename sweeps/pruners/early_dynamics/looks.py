"""Later looks: the order of those that run on is that of what they show now."""

from __future__ import annotations

from collections.abc import Hashable, Sequence

import numpy as np

from sweeps.pruners.early_dynamics.scores import Floats


def reordered(scores: Floats, keys: Sequence[Hashable], costs: Floats) -> Floats:
    """One signal's `scores`, handed out anew among those of equal key that have a cost at the look:
    the least cost gets the highest of their scores, equal costs the mean of theirs.

    The scores of those that came so far are permuted and not computed afresh: they were selected,
    and a rank among the selected says less than the same rank among all. NaN: not seen.
    """
    found = scores.copy()
    fields: dict[Hashable, list[int]] = {}
    for index in np.flatnonzero(~np.isnan(costs)).tolist():
        fields.setdefault(keys[index], []).append(index)
    for members in fields.values():
        here = np.array(members)
        best_first = np.sort(scores[here])[::-1]
        _, which, counts = np.unique(costs[here], return_inverse=True, return_counts=True)
        firsts = np.cumsum(counts) - counts
        handed = best_first[firsts]
        for tie in np.flatnonzero(counts > 1):
            handed[tie] = best_first[firsts[tie] : firsts[tie] + counts[tie]].mean()
        found[here] = handed[which]
    return found
