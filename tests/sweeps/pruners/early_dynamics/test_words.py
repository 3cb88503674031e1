from __future__ import annotations

from stories import make_report

from sweeps.pruners.peers import NAMED
from sweeps.trial import Action, Report
from tests.sweeps.pruners.early_dynamics.test_policy import play, verdicts


def test_a_pause_names_signal_value_place_and_what_it_waits_for() -> None:
    script = play(12)
    paused = [said for _, said in verdicts(script) if said.action is Action.PAUSE]
    last = paused[-1]
    assert last.reason == "early_dynamics"
    assert last.message.startswith("At point 1 of 10 (100 samples) its eval_loss was 14; ")
    assert "number 12 of 12" in last.message
    assert last.message.endswith("It is parked until the others have come this far.")
    assert last.evidence.details["rank_metric"] == 12
    assert last.evidence.signal == "eval_loss"


def test_the_value_is_as_measured_when_more_is_better() -> None:
    def curve(number: int, point: int) -> Report:
        return make_report(point, metrics={"eval_loss": 3.0 + number}, losses=(1.0, 1.0))

    script = play(12, curve=curve)
    assert verdicts(script)[0][1].evidence.value == 3.0


def test_only_the_nearest_are_named_and_all_are_counted() -> None:
    script = play(40)
    said = next(verdict for number, verdict in verdicts(script) if number == 39)
    assert said.action is Action.PAUSE
    assert said.evidence.details["peers"] == 39
    assert said.evidence.peers == list(range(39 - NAMED, 39))
