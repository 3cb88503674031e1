from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from stories import Script, make_report, make_spec

from sweeps.journal import Judged
from sweeps.lifecycle import AttemptEnd
from sweeps.pruners.recipe import RecipePruner, learns
from sweeps.trial import GO_ON, Action, Report, Verdict

# The decision is at point 1 of 10, half of n goes on.
PAUSE = Verdict(action=Action.PAUSE, reason="test", message="As the test says.")
HALF = {"type": "recipe"}


def says(norm: float, loss: float, point: int = 1) -> Report:
    """A window that learns: its loss begins higher than its mean, `loss`."""
    losses = (loss + 0.3, loss, loss - 0.3)
    return make_report(point, losses=losses, norms=(norm,) * 3)


def pruner(**changes: Any) -> RecipePruner:
    return RecipePruner(make_spec(pruning={**HALF, **changes}))


def group(*signals: tuple[float, float], asked: int = 0, **params: Any) -> Script:
    """Trials parked at point 1, each with gradient norm and loss; `asked` more have said nothing
    yet, the first of them has number len(signals)."""
    script = Script()
    for norm, loss in signals:
        number = script.ask(**params)
        script.say(number, says(norm, loss), PAUSE)
        script.end(number, AttemptEnd.PAUSED, 100)
    for _ in range(asked):
        script.ask(**params)
    return script


def judged(script: Script, norm: float, loss: float, **changes: Any) -> Verdict:
    """The verdict on a new trial."""
    number = script.ask(**changes.pop("params", {}))
    return pruner(**changes).judge(script.story, number, says(norm, loss))


WORSE = [(2.0, 1.0), (3.0, 1.5), (4.0, 1.2)]


def test_low_norm_and_high_loss_go_on() -> None:
    assert judged(group(*WORSE), 1.0, 2.0).action is Action.CONTINUE


def test_high_norm_and_low_loss_are_parked_and_the_verdict_says_why() -> None:
    found = judged(group((1.0, 3.0), (2.0, 4.0), (3.0, 2.0)), 4.0, 1.0)
    assert (found.action, found.reason) == (Action.PAUSE, "recipe")
    assert found.message == (
        "At point 1 of 10 (100 samples) its ranks by gradient norm (4) and loss (1) add up to 8. "
        "Of 4 trials that got here the best 2 go on, the last of them at 3. It is parked."
    )
    evidence = found.evidence
    assert (evidence.value, evidence.cutoff, evidence.peers) == (8.0, 3.0, [0, 1, 2])
    assert evidence.details == {
        "point": 1,
        "samples": 100,
        "peers": 3,
        "reached": 4,
        "places": 2,
        "broken": 0,
        "grad_norm": 4.0,
        "loss": pytest.approx(1.0),
        "grad_norm_rank": 4.0,
        "loss_rank": 4.0,
        "learns": 1.0,
    }


@pytest.mark.parametrize(
    ("norm", "loss", "action"),
    [
        (1.0, 0.5, Action.CONTINUE),  # 1 + 4; the others 2 + 3, 3 + 1, 4 + 2
        (2.5, 0.5, Action.PAUSE),  # 2 + 4; the others 1 + 3, 3 + 1, 4 + 2
        (9.0, 9.0, Action.CONTINUE),  # 4 + 1; the others 1 + 4, 2 + 2, 3 + 3
    ],
)
def test_both_signals_weigh_the_same(norm: float, loss: float, action: Action) -> None:
    assert judged(group((2.0, 1.0), (3.0, 3.0), (4.0, 2.0)), norm, loss).action is action


@given(
    st.lists(st.tuples(st.floats(0.1, 9), st.floats(0.5, 9)), min_size=4, max_size=12, unique=True),
    st.sampled_from([0.25, 0.5, 0.29, 0.9]),
)
def test_the_kept_are_the_best_by_the_sum_of_ranks(
    signals: list[tuple[float, float]], keep: float
) -> None:
    """Against the definition, counted pair by pair."""
    script = group(*signals)
    totals = [
        sum(1 + (n < norm) - 0.5 * (n != norm) for n, _ in signals)
        + sum(1 + (x > loss) - 0.5 * (x != loss) for _, x in signals)
        for norm, loss in signals
    ]
    places = int(keep * 100 * len(signals) / 100 + 1e-9)
    kept = set[int]()
    while (found := pruner(keep=keep).revive(script.story, last=False, more=True)) is not None:
        kept.add(found[0])
        script.add(Judged(trial=found[0], verdict=found[1]))
    if places == 0:
        assert kept == set()
        return
    cutoff = sorted(totals)[places - 1]
    assert kept == {number for number, total in enumerate(totals) if total <= cutoff}


def test_only_equal_batches_compete() -> None:
    script = group(*WORSE, *WORSE, global_batch_size=20)
    found = judged(script, 9.0, 0.1)
    assert found == GO_ON
    assert judged(script, 9.0, 0.1, params={"global_batch_size": 20}).action is Action.PAUSE


def test_a_group_below_four_gets_no_verdict() -> None:
    assert judged(group(*WORSE[:2]), 9.0, 0.1) == GO_ON
    assert judged(group(*WORSE[:2], asked=1), 9.0, 0.1).action is Action.PAUSE


def test_those_that_are_judged_elsewhere_do_not_make_a_group() -> None:
    """Warmup of 15 steps of 10 ends within point 2."""
    warm = {"warmup_steps": 15}
    script = group(*WORSE)
    assert judged(script, 9.0, 0.1, params=warm) == GO_ON
    number = script.ask(**warm)
    assert pruner().judge(script.story, number, says(9.0, 0.1, point=2)) == GO_ON
    for _ in range(3):
        number = script.ask(**warm)
    found = pruner().judge(script.story, number, says(9.0, 0.1, point=2))
    assert found.action is Action.PAUSE
    assert found.evidence.peers == []


@pytest.mark.parametrize("point", [2, 3, 9])
def test_only_one_point_is_judged(point: int) -> None:
    script = group(*WORSE)
    number = script.ask()
    script.say(number, says(1.0, 1.0))
    assert pruner().judge(script.story, number, says(9.0, 0.1, point)) == GO_ON


def test_the_point_can_be_moved() -> None:
    script = group(*WORSE)
    number = script.ask()
    assert pruner(at=0.4).judge(script.story, number, says(9.0, 0.1)) == GO_ON
    found = pruner(at=0.4).judge(script.story, number, says(9.0, 0.1, point=4))
    assert found.evidence.details["point"] == 4


@pytest.mark.parametrize("missing", ["loss", "grad_norm"])
@pytest.mark.parametrize("value", [None, math.nan])
def test_a_missing_signal_is_no_verdict_and_no_peer(missing: str, value: float | None) -> None:
    script = group(*WORSE)
    report = says(9.0, 0.1)
    spread = None if value is None else report.window.loss
    if spread is not None:
        spread = spread.model_copy(update={"value": value})
    bare = report.model_copy(update={"window": report.window.model_copy(update={missing: spread})})
    number = script.ask()
    assert pruner().judge(script.story, number, bare) == GO_ON
    script.say(number, bare)
    assert judged(script, 9.0, 0.1).evidence.peers == [0, 1, 2]


def test_a_run_that_has_not_learnt_ranks_behind_all_that_have() -> None:
    """The lowest norm and the highest loss, but the loss stays where it was."""
    flat = make_report(1, losses=(9.0, 9.2, 8.9), norms=(0.1, 0.1, 0.1))
    script = group(*WORSE)
    number = script.ask()
    found = pruner().judge(script.story, number, flat)
    assert found.action is Action.PAUSE
    assert (found.evidence.value, found.evidence.details["learns"]) == (10.0, 0.0)
    assert "8 of it because its loss has not fallen" in found.message


def test_when_nobody_learns_the_rule_still_holds() -> None:
    script = Script()
    for norm in (3.0, 2.0, 4.0):
        number = script.ask()
        script.say(number, make_report(1, losses=(1.0, 1.0), norms=(norm, norm)), PAUSE)
        script.end(number, AttemptEnd.PAUSED, 100)
    script.ask()
    found = pruner(keep=0.4).revive(script.story, last=False, more=True)
    assert found is not None
    assert found[0] == 1


@pytest.mark.parametrize(
    ("reports", "learnt"),
    [
        # The decision window is the first: its first step against its mean.
        ([(3.0, 2.0, 2.0, 2.0)], True),
        ([(2.0, 2.0, 2.0, 2.0)], False),
        ([(2.0, 2.2, 1.9, 2.0)], False),
        ([(1.0, 2.0, 2.0, 2.0)], False),
        # One step alone shows nothing.
        ([(2.0,)], True),
        # Window against first window.
        ([(2.0, 2.0), (1.9, 1.9)], True),
        ([(2.0, 2.0), (2.0, 2.0)], False),
        ([(2.0, 2.0), (2.1, 2.1)], False),
        ([(1.0, 3.0), (0.9, 2.9)], False),
        ([(1.0, 3.0), (0.0, 0.5)], True),
        ([(2.0, 2.0), (5.0, 5.0), (1.0, 1.0)], True),
        ([(2.0, 2.0), (0.5, 0.5), (2.0, 2.0)], False),
    ],
)
def test_learning(reports: list[tuple[float, ...]], learnt: bool) -> None:
    script = Script()
    number = script.ask()
    for point, losses in enumerate(reports, start=1):
        script.say(number, make_report(point, losses=losses, norms=(1.0,) * len(losses)))
    assert learns(script.story.trials[number], len(reports)) is learnt


def test_settings_of_another_pruner_are_a_mistake_of_the_code() -> None:
    with pytest.raises(TypeError, match="never"):
        RecipePruner(make_spec(pruning={"type": "never"}))
