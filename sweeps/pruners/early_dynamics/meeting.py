"""Where trials of different first rungs meet, so that they are ranked together and not apart.

A warmup puts off the first rung. What a field of two or three configurations shows among themselves
does not tell how good they are among all: they go on to a later first rung.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Hashable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from sweeps.cohort import MIN_MEMBERS
from sweeps.pruners.early_dynamics.scores import Floats, normal_scores
from sweeps.pruners.early_dynamics.sightings import Sight

# The share of the run up to which first rungs are brought together; and which share of a field, the
# better ones, goes on to meet the others.
_LATEST, _COMES = 0.2, 0.5


def latest_meeting(points: int) -> int:
    """The last decision point at which trials may meet."""
    return int(_LATEST * points)


def meetings(sights: Sequence[Sight], points: int, every: int = 1) -> list[int | None]:
    """`meeting_points` of each trial's cohort and first rung; None where it meets nobody, or
    reports nothing there."""
    cohorts: dict[Hashable, dict[int, set[str]]] = {}
    for sight in sights:
        if sight.first is not None:
            cohorts.setdefault(sight.key, {}).setdefault(sight.first, set()).add(sight.name)
    latest = latest_meeting(points)
    where = {key: meeting_points(fields, latest, every) for key, fields in cohorts.items()}
    found = [None if s.first is None else where[s.key].get(s.first) for s in sights]
    return [
        at if at is not None and sight.may_meet(at) else None
        for at, sight in zip(found, sights, strict=True)
    ]


def meeting_points(
    fields: Mapping[int, Collection[str]], latest: int, every: int = 1
) -> dict[int, int]:
    """By first rung: the point at which its trials meet those of other first rungs, none for those
    that are compared where they are.

    `fields` are the configurations of each first rung; equal ones with other seeds count once.
    Neighbouring fields are put together until there are MIN_MEMBERS configurations; what is left
    over joins the field before. They meet at the last of their rungs, or at the next multiple of
    `every` from there on. Nobody waits for what lies beyond `latest`.
    """
    groups: list[list[int]] = []
    group: list[int] = []
    names: set[str] = set()
    for point in sorted(point for point in fields if point <= latest):
        group, names = [*group, point], names.union(fields[point])
        if len(names) >= MIN_MEMBERS:
            groups.append(group)
            group, names = [], set()
    if group:
        groups = [*groups[:-1], groups[-1] + group] if groups else [group]
    where = [(-(-one[-1] // every) * every, one) for one in groups if len(one) > 1]
    return {point: at for at, one in where if at <= latest for point in one}


def better_part(scores: Floats, members: Sequence[int]) -> list[int]:
    """The share of a field that goes on to meet the others, the best first."""
    best_first = sorted(members, key=lambda index: (-scores[index], index))
    return best_first[: math.ceil(_COMES * len(best_first))]


def joined(scores: Floats, firsts: NDArray[np.int64], costs: Floats) -> Floats:
    """The scores of trials that meet, from their `costs` there and, for who has not come so far
    (NaN), from its score at its first rung.

    That one stands right behind the worst of those of its first rung that scored no less and did
    come, or level with the best that came when all of them scored less. Where nobody of a first
    rung has come, its scores stay.
    """
    found, came = scores.copy(), ~np.isnan(costs)
    places: list[tuple[float, bool, float]] = []
    placed: list[int] = []
    for first in np.unique(firsts[came]):
        here = np.flatnonzero(firsts == first)
        there = here[came[here]]
        for index in here:
            above = costs[there[scores[there] >= scores[index]]]
            if came[index]:
                place = (float(costs[index]), False, 0.0)
            else:
                level = above.max() if above.size else costs[there].min()
                place = (float(level), True, -float(scores[index]))
            places.append(place)
            placed.append(int(index))
    if len(placed) > 1:
        order = {place: rank for rank, place in enumerate(sorted(set(places)))}
        found[placed] = normal_scores(np.array([order[place] for place in places], np.float64))
    return found
