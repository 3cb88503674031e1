from __future__ import annotations

from collections import Counter
from itertools import pairwise

import numpy as np
import pytest

from sweeps.points import RunPlan, Stage, run_plan
from sweeps.trial import Params
from workers.recipes.parts.data import pack
from workers.recipes.parts.materials import Train, joined
from workers.recipes.parts.phases import Course

FIRST, SECOND = range(8), range(8, 20)


def train(*parts: range) -> Train:
    """20 examples; example i has 2 + (7 i mod 20) tokens, so no two are of one length."""
    lengths = [2 + 7 * i % 20 for i in range(20)]
    rows = [([1] * length, [False] + [True] * (length - 1)) for length in lengths]
    return Train(pack(rows, [""] * 20, 0), "digest", parts or (FIRST, SECOND))


def plan(first: int = 16, second: int = 48, replay: float = 0.0, **params: float) -> RunPlan:
    stages = (Stage(first), Stage(second, replay=replay))
    return run_plan({"global_batch_size": 4, **params}, first + second, 4, stages)


def taken(course: Course, steps: range) -> list[int]:
    return [index for step in steps for index in course.take(step)]


def test_each_phase_takes_its_own_data_every_epoch_whole() -> None:
    course = Course(plan(), train(), {}, 0)
    assert Counter(taken(course, range(4))) == dict.fromkeys(FIRST, 2)
    assert Counter(taken(course, range(4, 16))) == dict.fromkeys(SECOND, 4)
    assert [step for step in range(16) if course.begins(step)] == [4]


def test_a_stacked_run_takes_all_of_it_in_the_order_of_a_run_without_phases() -> None:
    stages = (Stage(16), Stage(24))
    stacked = run_plan({"global_batch_size": 4, "strategy": "stacked"}, 40, 4, stages)
    course, plain = (
        Course(stacked, train(), {}, 3),
        Course(run_plan({"global_batch_size": 4}, 40, 4), train(range(20)), {}, 3),
    )
    assert taken(course, range(10)) == taken(plain, range(10))
    assert Counter(taken(course, range(5))) == dict.fromkeys(range(20), 1)
    assert not any(course.begins(step) for step in range(10))


@pytest.mark.parametrize("replay", [0.1, 0.25, 0.3])
def test_a_share_of_a_later_phase_comes_from_the_data_before_spread_over_it(replay: float) -> None:
    course = Course(plan(replay=replay), train(), {}, 0)
    again = [sum(index in FIRST for index in course.take(step)) for step in range(4, 16)]
    assert sum(again) == int(48 * replay)
    assert max(again) - min(again) <= 1
    assert set(taken(course, range(4))) <= set(FIRST)


def test_what_is_replayed_is_drawn_by_seed_without_a_repeat_before_all_had_their_turn() -> None:
    def replayed(seed: int) -> list[int]:
        course = Course(plan(second=32, replay=0.5), train(), {}, seed)
        return [index for index in taken(course, range(4, 12)) if index in FIRST]

    assert replayed(0) == replayed(0) != replayed(1)
    assert Counter(replayed(0)) == dict.fromkeys(FIRST, 2)


def test_batches_of_another_size_take_the_same_samples() -> None:
    """Phase 1 does not depend on the batch either; a step is a stretch of one order."""
    small = Course(plan(), train(), {}, 0)
    large = Course(plan(phase2_global_batch_size=12), train(), {}, 0)
    assert taken(small, range(4, 16)) == taken(large, range(4, 8))


def test_short_examples_come_first_in_every_epoch() -> None:
    params: Params = {"curriculum": "length"}
    data = train(range(20))
    lengths = np.diff(data.examples.bounds)
    course = Course(run_plan({"global_batch_size": 5}, 40, 4), data, params, 0)
    for epoch in (range(4), range(4, 8)):
        order = lengths[taken(course, epoch)].tolist()
        assert order == sorted(order)


def test_a_curriculum_changes_the_order_of_examples_and_not_which_they_are() -> None:
    """Also of an epoch that the run does not finish: else it would see the short ones only."""
    data, half = train(range(20)), run_plan({"global_batch_size": 5}, 30, 4)
    plain, ordered = (Course(half, data, {"curriculum": c}, 7) for c in ("none", "length"))
    assert taken(plain, range(6)) != taken(ordered, range(6))
    for epoch in (range(4), range(4, 6)):
        assert sorted(taken(plain, epoch)) == sorted(taken(ordered, epoch))
    lengths = np.diff(data.examples.bounds)[taken(ordered, range(4, 6))].tolist()
    assert lengths == sorted(lengths)


def test_examples_of_equal_length_stand_in_an_order_of_the_seed() -> None:
    rows = [([1, 1], [False, True])] * 20
    data = Train(pack(rows, [""] * 20, 0), "digest", (range(20),))
    orders = [
        taken(Course(run_plan({}, 20, 4), data, {"curriculum": "length"}, seed), range(20))
        for seed in (0, 0, 1)
    ]
    assert orders[0] == orders[1] != orders[2]


def test_in_a_phase_its_own_examples_are_ordered() -> None:
    data = train()
    course = Course(plan(replay=0.25), data, {"curriculum": "length"}, 0)
    own = [index for index in taken(course, range(4, 8)) if index in SECOND]
    lengths = np.diff(data.examples.bounds)[own]
    assert all(before <= after for before, after in pairwise(lengths.tolist()))


def test_joined_examples_are_those_of_the_parts() -> None:
    parts = [pack([([1, 2], [False, True])], ["x"], 1), pack([([3, 4, 5], [False, True, True])] * 2,
                                                          ["y", "z"], 2)]  # fmt: skip
    whole = joined(parts)
    assert [whole.example(i)[0].tolist() for i in range(3)] == [[1, 2], [3, 4, 5], [3, 4, 5]]
    assert whole.example(2)[1].tolist() == [False, True, True]
    assert (whole.answers, whole.dropped, len(whole)) == (["x", "y", "z"], 3, 3)
