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
    for index, key in enumerate(keys):
        if not np.isnan(costs[index]):
            fields.setdefault(key, []).append(index)
    for members in fields.values():
        here = np.array(members)
        best_first = np.sort(scores[here])[::-1]
        for value in np.unique(costs[here]):
            same = costs[here] == value
            first = int((costs[here] < value).sum())
            found[here[same]] = best_first[first : first + int(same.sum())].mean()
    return found
