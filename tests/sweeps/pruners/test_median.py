from __future__ import annotations

import math
from typing import Any

import pytest
from panels import base_row, finish, limited
from stories import Script, make_report, make_spec

from sweeps.pruners.median import MedianPruner
from sweeps.trial import Action, Verdict

UP = {"name": "eval_loss", "goal": "maximize"}


def play(mine: list[float | None], *peers: list[float | None], **changes: Any) -> Verdict:
    """The verdict on the last of `mine`; each list holds the metric at points 1, 2, ..."""
    script = Script()
    own = changes.pop("own", {})
    theirs = changes.pop("theirs", {})
    number = script.ask(**own)
    for values in peers:
        peer = script.ask(**theirs)
        for point, value in enumerate(values, start=1):
            script.say(peer, make_report(point, value))
    for point, value in enumerate(mine[:-1], start=1):
        script.say(number, make_report(point, value))
    pruner = MedianPruner(make_spec(**{"pruning": {"type": "median", "grace": 0}, **changes}))
    return pruner.judge(script.story, number, make_report(len(mine), mine[-1]))


def stops(*args: Any, **changes: Any) -> bool:
    return play(*args, **changes).action is Action.STOP


def test_worse_than_the_median_stops_and_says_so() -> None:
    verdict = play([9.0, 5.0], [9.0, 1.0], [9.0, 2.0], [9.0, 3.0])
    assert (verdict.action, verdict.reason) == (Action.STOP, "median")
    evidence = verdict.evidence
    assert (evidence.signal, evidence.value, evidence.cutoff) == ("eval_loss", 5.0, 2.0)
    assert evidence.peers == [1, 2, 3]
    assert evidence.details == {"point": 2, "samples": 200, "peers": 3}
    assert verdict.message == (
        "At point 2 of 10 (200 samples) its best eval_loss so far was 5, worse than 2, "
        "the median of 3 trials at the same point."
    )


def test_a_tie_goes_on() -> None:
    assert not stops([2.0], [1.0], [2.0], [3.0])
    assert stops([2.0001], [1.0], [2.0], [3.0])


def test_maximize_turns_it_round() -> None:
    assert stops([1.0], [2.0], [3.0], [4.0], metric=UP)
    assert not stops([3.0], [2.0], [3.0], [4.0], metric=UP)
    assert play([1.0], [2.0], [3.0], [4.0], metric=UP).evidence.cutoff == 3.0


def test_the_best_so_far_counts_and_not_the_last() -> None:
    assert not stops([1.0, 9.0], [5.0, 5.0], [2.0, 2.0], [2.0, 2.0])
    assert stops([3.0, 3.0], [1.0, 9.0], [1.0, 9.0], [1.0, 9.0])


def test_peers_count_only_up_to_the_same_point() -> None:
    assert not stops([3.0], [4.0, 0.0, 0.0], [4.0, 0.0], [4.0, 0.0])


def test_peers_that_have_not_reached_the_point_do_not_count() -> None:
    assert not stops([9.0, 9.0], [1.0], [1.0, 1.0], [1.0, 1.0])


def test_peers_that_did_not_measure_at_the_point_do_not_count() -> None:
    assert not stops([9.0, 9.0], [1.0, None], [1.0, 1.0], [1.0, 1.0])


def test_min_peers() -> None:
    assert not stops([9.0], [1.0], [1.0])
    many = {"type": "median", "grace": 0, "min_peers": 4}
    assert not stops([9.0], [1.0], [1.0], [1.0], pruning=many)
    assert stops([9.0], [1.0], [1.0], [1.0], [1.0], pruning=many)


@pytest.mark.parametrize(("grace", "stopped"), [(0.2, True), (0.3, False), (0.9, False)])
def test_grace(grace: float, stopped: bool) -> None:
    pruning = {"type": "median", "grace": grace}
    assert stops([9.0, 9.0], *[[1.0, 1.0]] * 3, pruning=pruning) is stopped


def test_a_missing_metric_is_no_verdict() -> None:
    assert not stops([9.0, None], *[[1.0, 1.0]] * 3)


def test_nan_is_the_worst() -> None:
    assert stops([math.nan], [1.0], [2.0], [3.0])
    assert stops([math.nan], [1.0], [2.0], [3.0], metric=UP)
    assert not stops([1.0, math.nan], *[[2.0, 2.0]] * 3)
    assert not stops([math.nan], [1.0], [math.nan], [math.nan])
    assert not stops([5.0], [1.0], [math.nan], [math.inf])


def test_nobody_is_judged_in_warmup_nor_against_peers_in_theirs() -> None:
    peers: list[list[float | None]] = [[1.0, 1.0, 1.0]] * 3
    assert not stops([9.0, 9.0], *peers, own={"warmup_steps": 20})
    assert stops([9.0, 9.0, 9.0], *peers, own={"warmup_steps": 20})
    assert not stops([9.0, 9.0], *peers, theirs={"warmup_steps": 20})


def test_other_schedules_are_no_peers() -> None:
    assert not stops([9.0], *[[1.0]] * 5, theirs={"lr_scheduler_type": "cosine"})


def test_other_batch_sizes_are_peers_at_points_they_report() -> None:
    assert stops([9.0], *[[1.0]] * 3, theirs={"global_batch_size": 20})


def test_a_signal_of_the_windows_can_be_the_metric() -> None:
    script = Script()
    number = script.ask()
    for _ in range(3):
        script.say(script.ask(), make_report(1, losses=(1.0, 1.0)))
    metric = {"name": "loss", "goal": "minimize"}
    spec = make_spec(metric=metric, pruning={"type": "median", "grace": 0})
    verdict = MedianPruner(spec).judge(script.story, number, make_report(1, losses=(2.0, 2.0)))
    assert verdict.evidence.signal == "loss"
    assert verdict.action is Action.STOP


def test_settings_of_another_pruner_are_a_mistake_of_the_code() -> None:
    with pytest.raises(TypeError, match="never"):
        MedianPruner(make_spec(pruning={"type": "never"}))


def test_peers_that_ended_beyond_a_limit_count_as_the_worst() -> None:
    """Without that those that forgot most would set the bar, and stop all that may win."""
    script = Script()
    base_row(script)
    for loss, kept in ((1.0, 0.1), (1.1, 0.2), (3.0, 0.8)):
        finish(script, loss, kept)
    number = script.ask()
    pruning = {"type": "median", "grace": 0, "min_peers": 3}
    report = make_report(5, 2.0)
    free = MedianPruner(make_spec(pruning=pruning)).judge(script.story, number, report)
    held = MedianPruner(limited(pruning=pruning)).judge(script.story, number, report)
    assert (free.action, held.action) == (Action.STOP, Action.CONTINUE)
