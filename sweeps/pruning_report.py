"""What pruning did to a sweep, what it promised, and what its audits measured; over many sweeps
too. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from sweeps.audit import Audit, is_audit, measured, tolerance_of, wilson
from sweeps.journal import Story
from sweeps.lifecycle import TrialState
from sweeps.spec import SweepSpec
from sweeps.trial import Role
from sweeps.wire import Wire

# Closer to 0 than this, over so many finals, the rank agreement is none: the early signals say
# nothing of the end. That is where `early_dynamics` stops saving.
NO_AGREEMENT, ENOUGH = 0.1, 5
# Where the estimate lies against the interval that was measured.
Calibration = Literal["within", "too_low", "too_high"]


class PruningReport(Audit):
    """The audit of one sweep, beside what its pruner was asked for and what it saved.

    `trials` are all that were asked; `stated_risk` is what the spec asks for and `tolerance` what
    counts as equally good, in normalised regret. `condemned_best` is the winner when it had been
    condemned, and ran on as an audit. `blind`: the early signals were seen to say nothing of the
    end. `calibration` says where `expected` lies against `low` and
    `high`: too_low is a promise that the audits contradict. `sentence` says it all to a person.
    """

    pruner: str
    trials: int
    stated_risk: float | None
    tolerance: float
    compute_saved: float | None
    condemned_best: int | None
    blind: bool
    calibration: Calibration | None
    sentence: str


class Pooled(Wire):
    """Many sweeps' estimates against what their audits measured.

    `sweeps` have an estimate and a measured rate, and only they count below. `mean_estimate` is
    the mean of the estimated chances to miss the best, one a sweep. `expected` is the rate that
    the pruner foretold, each sweep weighted by its finished audits; `rate`, `low`
    and `high` are what those audits measured, with the 95 % interval of Wilson.
    """

    sweeps: int
    finished: int
    false_kills: int
    mean_estimate: float | None
    expected: float | None
    rate: float | None
    low: float | None
    high: float | None
    calibration: Calibration | None
    sentence: str


def pruning_report(
    spec: SweepSpec, story: Story, saved: float | None, best: int | None
) -> PruningReport | None:
    """The report as the journal stands; None for a sweep that does not prune. `saved`: see
    `sweeps.result.compute_saved`; `best` is the winner so far."""
    pruner = spec.spec.pruning.type
    if pruner == "never":
        return None
    audit = measured(spec, story)
    search = [r for r in story.trials.values() if r.trial.role is Role.SEARCH]
    ended = sum(record.state == TrialState.DONE for record in search)
    found = PruningReport(
        **dict(audit),
        pruner=pruner,
        trials=len(search),
        stated_risk=getattr(spec.spec.pruning, "risk", None),
        tolerance=tolerance_of(spec),
        compute_saved=saved,
        condemned_best=best if best is not None and is_audit(story.trials[best]) else None,
        blind=_blind(audit.agreement, ended),
        calibration=_calibration(audit.expected, audit.low, audit.high),
        sentence="",
    )
    return found.model_copy(update={"sentence": _sentence(found)})


def pool(reports: Sequence[PruningReport]) -> Pooled:
    """What the reports say together."""
    used = [r for r in reports if None not in (r.rate, r.expected, r.estimate)]
    finished, wrong = sum(r.finished for r in used), sum(r.false_kills for r in used)
    low, high = wilson(wrong, finished) if finished else (None, None)
    expected = sum((r.expected or 0.0) * r.finished for r in used) / finished if finished else None
    found = Pooled(
        sweeps=len(used),
        finished=finished,
        false_kills=wrong,
        mean_estimate=sum(r.estimate or 0.0 for r in used) / len(used) if used else None,
        expected=expected,
        rate=wrong / finished if finished else None,
        low=low,
        high=high,
        calibration=_calibration(expected, low, high),
        sentence="",
    )
    return found.model_copy(update={"sentence": _pooled_sentence(found)})


def tells(report: PruningReport) -> bool:
    """False while there is nothing to show: nobody is condemned, and the pruner knows nothing."""
    known = report.estimate is not None or report.agreement is not None
    return known or report.condemned > 0


def _blind(agreement: float | None, finals: int) -> bool:
    return agreement is not None and abs(agreement) < NO_AGREEMENT and finals >= ENOUGH


def _calibration(
    expected: float | None, low: float | None, high: float | None
) -> Calibration | None:
    if expected is None or low is None or high is None:
        return None
    if expected < low:
        return "too_low"
    return "too_high" if expected > high else "within"


def _sentence(found: PruningReport) -> str:
    parts = [_did(found), _estimated(found), _audited(found), _lucky(found), _unseen(found)]
    return " ".join(part for part in parts if part)


def _did(found: PruningReport) -> str:
    kept = f", saving {_share(found.compute_saved)} of the compute" if found.compute_saved else ""
    count = f"{found.condemned} of {_trials(found.trials)}"
    return f"`{found.pruner}` condemned {count}{kept}."


def _estimated(found: PruningReport) -> str:
    risk = found.stated_risk
    asked = "" if risk is None else f"; the spec asks for at most {_share(risk)}"
    if found.estimate is None:
        return "" if risk is None else f"It has no estimate of its risk yet{asked}."
    by = f" by more than {_share(found.tolerance)} of regret" if found.tolerance else ""
    return (
        f"It estimates the chance that one of them would have beaten the best{by} at "
        f"{_share(found.estimate)}{asked}{_more(found.estimate, risk)}."
    )


def _more(estimate: float, risk: float | None) -> str:
    return ", which is less than that" if risk is not None and estimate > risk else ""


def _audited(found: PruningReport) -> str:
    if not found.audited:
        return "None ran on as an audit, so its mistakes were not measured."
    ran = f"{_audits(found.audited)} of them ran on"
    if found.rate is None or found.low is None or found.high is None:
        return f"{ran}, and cannot be compared yet."
    measure = (
        f"Of {_audits(found.finished)} that ran on to the end, {found.false_kills} would have been "
        f"a false kill: {_share(found.rate)} (95 % interval {_share(found.low)} to "
        f"{_share(found.high)})."
    )
    return f"{measure} {_judged(found)}".rstrip()


def _lucky(found: PruningReport) -> str:
    if found.condemned_best is None:
        return ""
    return (
        f"Trial {found.condemned_best}, the best, had been condemned: only because it ran on as an "
        "audit was it found."
    )


def _judged(found: PruningReport | Pooled) -> str:
    if found.expected is None or found.calibration is None:
        return ""
    expected = _share(found.expected)
    match found.calibration:
        case "too_low":
            return f"This contradicts the pruner, which expected {expected}: do not rely on it."
        case "too_high":
            return f"The pruner expected more, {expected}: it was too careful."
        case "within":
            return f"This agrees with the {expected} that the pruner expected."


def _unseen(found: PruningReport) -> str:
    if found.agreement is None or found.agreement >= NO_AGREEMENT:
        return ""
    if found.agreement <= -NO_AGREEMENT:
        return (
            f"Trials that look better early end worse here (rank agreement {found.agreement:.2f})."
        )
    if not found.blind:
        return ""
    end = "saving was stopped: every trial runs" if found.condemned == found.audited else ""
    return (
        f"The early signals say nothing of the end here (rank agreement {found.agreement:.2f}), so "
        f"{end or 'little speaks for what was condemned'}."
    )


def _pooled_sentence(found: Pooled) -> str:
    if found.rate is None or found.low is None or found.high is None:
        return "No finished sweep has both an estimate and a finished audit: nothing is known."
    many = f"{found.sweeps} sweep" + ("" if found.sweeps == 1 else "s")
    return (
        f"In {many} {found.false_kills} of {_audits(found.finished)} would have been a false kill: "
        f"{_share(found.rate)} (95 % interval {_share(found.low)} to {_share(found.high)}). "
        f"{_judged(found)}"
    )


def _audits(count: int) -> str:
    return f"{count} audit" + ("" if count == 1 else "s")


def _trials(count: int) -> str:
    return f"{count} trial" + ("" if count == 1 else "s")


def _share(value: float) -> str:
    """0.034 -> 3.4 %."""
    if 0 < value < 0.0005:
        return "<0.1 %"
    return f"{100 * value:.2g} %" if abs(value) < 0.0995 else f"{100 * value:.0f} %"
