from __future__ import annotations

import math

from sweeps.facts import Facts, facts, rests_on_something, told
from sweeps.trial import GO_ON, Action, Evidence, Verdict

FULL = Verdict(
    action=Action.PAUSE,
    reason="early_dynamics",
    message="It is parked.",
    evidence=Evidence(
        signal="eval_loss",
        value=1.25,
        cutoff=1.0,
        peers=[0, 3],
        probability=0.0123456789,
        details={
            "point": 2,
            "samples": 2048,
            "rank_eval_loss": 3,
            "rank_grad_norm": 1,
            "miss_risk": 0.04,
            "stated_risk": 0.1,
            "compared": 3,
            "agreement": None,
        },
    ),
)


def test_everything_that_was_measured_is_there() -> None:
    found = facts(FULL, 9, 9)
    assert (found.point, found.samples) == (2, 2048), "the verdict knows better where it was given"
    assert (found.miss_risk, found.stated_risk) == (0.04, 0.1)
    assert found.ranks == {"eval_loss": 3, "grad_norm": 1}
    assert found.more == {"compared": 3}
    assert told(found) == {
        "reason": "early_dynamics",
        "message": "It is parked.",
        "point": "2",
        "samples": "2048",
        "signal": "eval_loss",
        "peers": "0,3",
        "peer_count": "2",
        "value": "1.25",
        "cutoff": "1",
        "probability": "0.0123457",
        "miss_risk": "0.04",
        "stated_risk": "0.1",
        "rank_eval_loss": "3",
        "rank_grad_norm": "1",
        "compared": "3",
    }


def test_what_was_not_measured_is_not_told() -> None:
    found = facts(GO_ON, 4, 400)
    assert told(found) == {
        "reason": "none",
        "message": "Nothing spoke against it.",
        "point": "4",
        "samples": "400",
    }
    assert "point" not in told(facts(GO_ON, None, None))


def test_audits_are_marked_and_nan_is_a_fact() -> None:
    broken = Verdict(
        action=Action.STOP,
        reason="non_finite_loss",
        message="No number.",
        evidence=Evidence(signal="loss", value=math.nan),
        audit=True,
    )
    found = facts(broken, 1, 10)
    assert (told(found)["audit"], told(found)["value"]) == ("true", "nan")
    back = Facts.model_validate_json(found.model_dump_json())
    assert math.isnan(back.value or 0.0)


def test_what_rests_on_something() -> None:
    assert rests_on_something(FULL)
    assert not rests_on_something(GO_ON)


def test_the_nearest_peers_are_named_and_all_are_counted() -> None:
    near = Evidence(signal="loss", value=1.0, peers=[1, 2], details={"peers": 979.0})
    found = facts(FULL.model_copy(update={"evidence": near}), 1, 10)
    assert (found.peers, found.peer_count) == ([1, 2], 979)
    assert "peers" not in found.more
    assert told(found)["peer_count"] == "979"
