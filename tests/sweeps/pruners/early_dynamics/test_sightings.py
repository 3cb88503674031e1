from __future__ import annotations

import math

from stories import Script, make_report, make_spec

from sweeps.pruners.early_dynamics.sightings import Sight, Sightings

SPEC = make_spec(pruning={"type": "early_dynamics"})
SEEK = (("metric", "loss"), "eval_loss", False)


def told(known: Sightings, script: Script) -> list[Sight]:
    return known.of(script.story, [record for _, record in sorted(script.story.trials.items())])


def test_a_trial_that_has_not_reported_since_is_not_looked_at_again() -> None:
    script, known = Script(), Sightings(SPEC)
    for _ in range(2):
        script.say(script.ask(), make_report(1, 3.0))
    first = told(known, script)
    assert [one is other for one, other in zip(told(known, script), first, strict=True)] == [
        True,
        True,
    ]
    script.say(1, make_report(2, 2.0))
    again = told(known, script)
    assert again[0] is first[0]
    assert again[1] is not first[1]
    assert again[1].costs(2, SEEK)["metric"] == 2.0


def test_what_is_remembered_changes_no_answer() -> None:
    """Another story of the same trials is answered as by a new memory."""
    known = Sightings(SPEC)
    for metrics in ((3.0, 1.0), (math.nan, 2.0), (3.0, 5.0)):
        script = Script()
        for metric in metrics:
            script.say(script.ask(), make_report(1, metric))
        costs = [sight.costs(1, SEEK) for sight in told(known, script)]
        assert repr(costs) == repr([s.costs(1, SEEK) for s in told(Sightings(SPEC), script)])


def test_another_horizon_moves_the_rung() -> None:
    """Ten steps of warmup end at point 1 of a long run and after point 1 of a short one."""
    known, points = Sightings(SPEC), list[int | None]()
    for horizon in (2000, 1000):
        script = Script(horizon)
        number = script.ask(global_batch_size=10, warmup_steps=10)
        for point in (1, 2):
            script.say(number, make_report(point, 3.0))
        points.append(told(known, script)[0].point)
    assert points == [1, 2]
