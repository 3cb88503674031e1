"""Sweeps made by hand that hold everything a figure can show."""

from __future__ import annotations

import math
from typing import Any

from stories import HORIZON, Script, make_report, make_spec

from sweeps.journal import Judged, Story
from sweeps.lifecycle import AttemptEnd
from sweeps.spec import SweepSpec
from sweeps.trial import Action, Evidence, Report, Role, Verdict

FAMILY = "early_dynamics"


def ruled(action: Action, signal: str = "eval_loss", peers: int = 3, **more: Any) -> Verdict:
    """A verdict with evidence, as a pruner gives it."""
    fields = {"reason": FAMILY, "message": f"It was told to {action}.", **more}
    evidence = Evidence(signal=signal, value=1.0, cutoff=1.0, peers=list(range(peers)))
    return Verdict(action=action, evidence=evidence, **fields)


AUDIT = ruled(Action.CONTINUE, reason="audit", audit=True)


def at(point: int, value: float, norm: float | None = 1.0) -> Report:
    """The report at `point`: eval_loss and loss are `value`."""
    return make_report(point, value, losses=(value, value), norms=(norm, norm))


def every_fate() -> tuple[SweepSpec, Story]:
    """Trials 0 best, 1 finished, 2 audited, 3 parked and revived and stopped, 4 stopped by a guard,
    5 parked, 6 failed, 7 lost once and finished; 8 base, 9 preset, 10 confirm."""
    spec, script = make_spec(pruning={"type": FAMILY}), Script()
    rates = [(b, r) for b in (10, 20) for r in (0.1, 0.2, 0.3)]
    for number, (batch, rate) in enumerate([*rates, rates[0], rates[1]]):
        script.ask(global_batch_size=batch, learning_rate=rate)
        script.say(number, at(1, 4.0 + number))
    for number, value in ((0, 1.0), (1, 1.5)):
        script.say(number, at(2, value + 1), ruled(Action.CONTINUE))
        script.say(number, at(10, value))
        script.end(number)
    script.say(2, at(2, 3.0), AUDIT)
    script.say(2, at(10, 2.5), AUDIT)
    script.end(2)
    script.say(3, at(2, 3.5), ruled(Action.PAUSE))
    script.end(3, AttemptEnd.PAUSED, 200)
    script.add(Judged(trial=3, verdict=ruled(Action.CONTINUE)))
    script.start(3)
    script.say(3, at(4, 3.4), ruled(Action.PAUSE))
    script.end(3, AttemptEnd.PAUSED, 400)
    script.add(Judged(trial=3, verdict=ruled(Action.STOP, reason="parked")))
    broken = Verdict(action=Action.STOP, reason="non_finite_loss", message="The loss is NaN.")
    script.say(4, at(2, math.nan).model_copy(update={"guard": "non_finite_loss"}), broken)
    script.end(4, AttemptEnd.STOPPED, 200)
    script.say(5, at(2, 5.0), ruled(Action.PAUSE))
    script.end(5, AttemptEnd.PAUSED, 200)
    script.end(6, AttemptEnd.FAILED, 100, error="Boom", gave_up=True)
    script.end(7, AttemptEnd.LOST, 100)
    script.start(7)
    script.say(7, at(10, 1.8))
    script.end(7)
    for role in (Role.BASE, Role.PRESET, Role.CONFIRM):
        number = script.ask(role=role)
        script.say(number, at(10, 1.1))
        script.end(number, samples=0 if role is Role.BASE else HORIZON)
    return spec, script.story


def many(trials: int) -> tuple[SweepSpec, Story]:
    """So many trials of random-looking rates and odd words; one in ten finishes, no norms."""
    words = ["$\\frac", "</script><b>", "a" * 300, True]
    parameters = {
        "global_batch_size": {"value": 10},
        "learning_rate": {"distribution": "log_uniform_values", "min": 1e-6, "max": 1e-3},
        "word": {"values": words},
    }
    spec, script = make_spec(parameters=parameters, method={"type": "random"}), Script()
    for number in range(trials):
        rate = 10 ** (-6 + 3 * (number * 0.618 % 1))
        script.ask(learning_rate=rate, word=words[number % 4])
        last = 10 if number % 10 == 0 else 1 + number % 5
        for point in range(1, last + 1):
            verdict = ruled(Action.STOP, reason="median") if point == last < 10 else None
            report = at(point, 1 + (number % 97) / 97 + 2 / point, None)
            script.say(number, report, *([verdict] if verdict else []))
        if last == 10:
            script.end(number)
        else:
            script.end(number, AttemptEnd.STOPPED, last * HORIZON // 10)
    return spec, script.story
