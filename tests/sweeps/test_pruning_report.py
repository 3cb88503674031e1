from __future__ import annotations

import random
from typing import Any

import pytest
from curve_stories import Made, grid_of, ordered
from stories import Script, make_report, make_spec

from sweeps.audit import is_audit
from sweeps.journal import Judged, Story
from sweeps.lifecycle import AttemptEnd
from sweeps.pruning_report import PruningReport, pool, pruning_report, tells
from sweeps.simulator.simulate import simulate
from sweeps.spec import Metadata, SweepSpec
from sweeps.trial import GO_ON, Action, Evidence, Verdict

LEARNS: dict[str, Any] = {"type": "early_dynamics", "risk": 0.1}
SPEC = make_spec(pruning=LEARNS)


def said(action: Action = Action.CONTINUE, *, audit: bool = False, **details: float) -> Verdict:
    evidence = Evidence(signal="eval_loss", value=1.0, details=details)
    reason = "audit" if audit else "early_dynamics"
    return Verdict(action=action, reason=reason, message="So.", evidence=evidence, audit=audit)


def through(script: Script, final: float, verdict: Verdict = GO_ON) -> None:
    number = script.ask()
    script.say(number, make_report(2, final + 1), verdict)
    script.say(number, make_report(10, final))
    script.end(number)


def sweep(
    kept: int = 4, dropped: int = 5, *, right: int = 0, wrong: int = 0, **details: float
) -> Story:
    """`kept` trials to the end, `dropped` stopped; of the audits `wrong` end better than all."""
    script = Script()
    for number in range(kept):
        through(script, 1.0 + number, said(**details) if details else GO_ON)
    for _ in range(dropped):
        trial = script.ask()
        script.say(trial, make_report(2, 3.0), said(Action.PAUSE, **details))
        script.end(trial, AttemptEnd.PAUSED, 200)
        stop = Verdict(action=Action.STOP, reason="parked", message="Over.")
        script.add(Judged(trial=trial, verdict=stop))
    for number in range(right + wrong):
        through(script, 0.1 if number < wrong else 3.5, said(audit=True))
    return script.story


def report(story: Story, spec: SweepSpec = SPEC, best: int | None = None) -> PruningReport:
    found = pruning_report(spec, story, 0.5, best)
    assert found is not None
    return found


def test_a_sweep_that_never_prunes_has_none() -> None:
    assert pruning_report(make_spec(pruning={"type": "never"}), Story(), None, None) is None


def test_before_the_first_trial() -> None:
    found = report(Story())
    assert (found.pruner, found.trials, found.stated_risk) == ("early_dynamics", 0, 0.1)
    assert "condemned 0 of 0 trials" in found.sentence
    assert "no estimate of its risk yet" in found.sentence


def test_an_estimate_that_no_audit_tested() -> None:
    found = report(sweep(miss_risk=0.04))
    assert (found.estimate, found.calibration) == (0.04, None)
    assert found.sentence == (
        "`early_dynamics` condemned 5 of 9 trials, saving 50 % of the compute. It estimates the "
        "chance that one of them would have beaten the best by more than 2 % of regret at 4 %; the "
        "spec asks for at most 10 %. None ran on as an audit, so its mistakes were not measured."
    )


def test_an_estimate_above_what_was_asked_for_says_so() -> None:
    sentence = report(sweep(miss_risk=0.25)).sentence
    assert "at 25 %; the spec asks for at most 10 %, which is less than that." in sentence


def test_tiny_chances_are_not_spelled_out() -> None:
    assert "at <0.1 %;" in report(sweep(miss_risk=2e-14)).sentence
    assert "at 0 %;" in report(sweep(miss_risk=0.0)).sentence


def test_audits_that_have_not_finished() -> None:
    script = Script()
    running = script.ask()
    script.say(running, make_report(2, 1.0), said(audit=True))
    assert "1 audit of them ran on, and cannot be compared yet." in report(script.story).sentence


def test_audits_that_agree_with_the_estimate() -> None:
    found = report(sweep(right=3, miss_risk=0.04))
    assert (found.calibration, found.false_kills) == ("within", 0)
    assert "0 would have been a false kill: 0 % (95 % interval 0 % to 56 %)." in found.sentence
    assert "This agrees with the 0.81 % that the pruner expected." in found.sentence


def test_audits_that_contradict_the_estimate() -> None:
    found = report(sweep(right=1, wrong=3, miss_risk=0.04))
    assert (found.calibration, found.false_kills) == ("too_low", 3)
    assert "This contradicts the pruner, which expected 0.81 %" in found.sentence
    assert "do not rely on it." in found.sentence


def test_an_estimate_that_was_too_careful() -> None:
    found = report(sweep(dropped=1, right=9, miss_risk=0.9))
    assert found.calibration == "too_high"
    assert "too careful" in found.sentence


def test_signals_that_carry_nothing() -> None:
    nothing = {"miss_risk": 0.5, "agreement": -0.03}
    found = report(sweep(5, **nothing))
    assert found.blind
    assert "say nothing of the end here (rank agreement -0.03), so little speaks" in found.sentence
    everything_ran = report(sweep(5, dropped=0, **nothing))
    assert "so saving was stopped: every trial runs." in everything_ran.sentence
    few = report(sweep(4, **nothing))
    assert not few.blind, "too few finals to say so"
    assert "say nothing" not in few.sentence
    turned = report(sweep(5, miss_risk=0.5, agreement=-0.65))
    assert not turned.blind
    assert "look better early end worse here (rank agreement -0.65)" in turned.sentence
    assert not report(sweep(5, miss_risk=0.5, agreement=0.8)).blind
    assert not report(sweep(5, miss_risk=0.5)).blind


def test_there_is_something_to_tell_without_a_condemned_trial_too() -> None:
    assert not tells(report(Story()))
    assert not tells(report(sweep(dropped=0)))
    assert tells(report(sweep(dropped=1)))
    assert tells(report(sweep(dropped=0, miss_risk=0.5)))
    assert tells(report(sweep(dropped=0, miss_risk=0.5, agreement=0.0)))


def test_a_winner_that_had_been_condemned() -> None:
    story = sweep(wrong=1, miss_risk=0.04)
    best = max(story.trials)
    found = report(story, best=best)
    assert found.condemned_best == best
    assert f"Trial {best}, the best, had been condemned" in found.sentence
    assert report(story, best=0).condemned_best is None


@pytest.mark.parametrize("pruner", ["median", "halving", "recipe"])
def test_pruners_that_promise_nothing(pruner: str) -> None:
    script = Script()
    through(script, 1.0)
    stop = Verdict(action=Action.STOP, reason=pruner, message="Worse.")
    script.stop(script.ask(), 300, stop)
    found = report(script.story, make_spec(pruning={"type": pruner}))
    assert (found.condemned, found.stated_risk, found.calibration) == (1, None, None)
    assert found.sentence == (
        f"`{pruner}` condemned 1 of 2 trials, saving 50 % of the compute. "
        "None ran on as an audit, so its mistakes were not measured."
    )


def test_pooled_over_sweeps() -> None:
    reports = [
        report(sweep(dropped=2, right=9, wrong=1, miss_risk=0.19)),
        report(sweep(dropped=1, right=30, miss_risk=0.2)),
        report(sweep(miss_risk=0.5)),
    ]
    found = pool(reports)
    assert (found.sweeps, found.finished, found.false_kills) == (2, 40, 1)
    assert found.mean_estimate == pytest.approx(0.195)
    assert found.expected == pytest.approx((0.1 * 10 + 0.2 * 30) / 40)
    assert found.rate == pytest.approx(1 / 40)
    assert found.calibration == "too_high"
    assert found.sentence.startswith("In 2 sweeps 1 of 40 audits would have been a false kill")


def test_pooled_of_nothing() -> None:
    for reports in ([], [report(sweep(miss_risk=0.5))], [report(sweep(right=2))]):
        found = pool(reports)
        assert (found.sweeps, found.finished, found.rate, found.mean_estimate) == (0, 0, None, None)
        assert "nothing is known" in found.sentence


def test_pooled_estimates_that_were_too_low() -> None:
    found = pool([report(sweep(wrong=2, right=1, miss_risk=0.01)) for _ in range(5)])
    assert (found.sweeps, found.calibration) == (5, "too_low")
    assert "contradicts the pruner" in found.sentence


def test_it_survives_json() -> None:
    found = report(sweep(right=1, wrong=1, miss_risk=0.04, agreement=0.5))
    assert PruningReport.model_validate_json(found.model_dump_json()) == found


def test_right_estimates_are_seldom_contradicted_and_wrong_ones_nearly_always() -> None:
    """Sweeps whose condemned trials are false kills at a known rate, as `expected` takes it."""
    draw = random.Random(7)
    alike = contradicted = 0
    base = report(sweep(miss_risk=0.5))
    for _ in range(300):
        sweeps = []
        for _ in range(20):
            rate, held = draw.choice([0.01, 0.05, 0.1]), draw.randint(5, 40)
            wrong = sum(draw.random() < rate for _ in range(5))
            told = {"finished": 5, "false_kills": wrong, "rate": wrong / 5}
            right = {"estimate": 1 - (1 - rate) ** held, "expected": rate}
            sweeps.append(base.model_copy(update={**told, **right}))
        alike += pool(sweeps).calibration == "within"
        low = [one.model_copy(update={"expected": (one.expected or 0) / 20}) for one in sweeps]
        contradicted += pool(low).calibration == "too_low"
    assert alike / 300 > 0.9
    assert contradicted / 300 > 0.6


def test_a_whole_sweep_under_the_policy_itself() -> None:
    pruning = {"type": "early_dynamics", "audit": 0.3}
    found = simulate(grid_of(24, pruning=pruning), Made(ordered), slots=4)
    told = found.result.pruning
    assert told is not None
    verdicts = [v for record in found.story.trials.values() for v in record.verdicts.values()]
    assert told.audited == told.finished == sum(v.audit for v in verdicts) > 0
    assert told.rate is not None
    assert told.estimate is not None
    assert (
        told.condemned + sum(record.state == "DONE" for record in found.story.trials.values())
        == 24 + told.audited
    )


def test_the_policy_audits_nobody_that_it_would_not_have_stopped() -> None:
    """Where the early order is the final one, all audits together find nothing."""
    pruning = {"type": "early_dynamics", "audit": 1.0}
    told = simulate(grid_of(24, pruning=pruning), Made(ordered), slots=4).result.pruning
    assert told is not None
    assert told.audited == told.condemned > 10
    assert (told.false_kills, told.condemned_best, told.calibration) == (0, None, "within")


def test_sweeps_of_one_seed_do_not_audit_the_same_numbers() -> None:
    drawn = set()
    for name in ("a", "b", "c"):
        spec = grid_of(24, pruning={"type": "early_dynamics", "audit": 0.3})
        spec = spec.model_copy(update={"metadata": Metadata(name=name)})
        trials = simulate(spec, Made(ordered), slots=4).story.trials
        drawn.add(tuple(n for n, record in trials.items() if is_audit(record)))
    assert len(drawn) == 3
