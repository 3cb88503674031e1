"""Trials and reports as pandas tables. The only module that knows pandas, and it loads it late."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeAlias

from service.schemas import SweepReport, Trial

if TYPE_CHECKING:
    import pandas

    Frame: TypeAlias = pandas.DataFrame

_TRIAL = {
    **{"trial": "int64", "id": "object", "state": "object", "reason": "object", "role": "object"},
    **{"seed": "int64", "attempts": "int64", "point": "Int64", "samples_seen": "int64"},
    **{"value": "float64", "loss": "float64", "grad_norm": "float64"},
}
_REPORT = {
    **{"trial": "int64", "attempt": "int64", "point": "int64", "samples_seen": "int64"},
    **{"step": "int64", "at": "datetime64[us, UTC]", "loss": "float64", "grad_norm": "float64"},
    **{"learning_rate": "float64", "tokens": "int64", "tokens_per_second": "float64"},
    **{"spikes": "int64", "non_finite": "int64", "guard": "object"},
    **{"action": "object", "reason": "object"},
}


def trials_frame(trials: Iterable[Trial]) -> Frame:
    """One row a trial in the order given; its parameters are columns behind the fixed ones.

    `trial` is its number, `value` the sweep's metric as last reported, `samples_seen` those of the
    last report. A parameter that is named as a fixed column is `param_NAME`. Raises ImportError
    without pandas.
    """
    return _frame(_TRIAL, "param", [(_trial(trial), trial.params) for trial in trials])


def curves_frame(reports: Iterable[SweepReport]) -> Frame:
    """One row a report in the order given; evaluated metrics are columns behind the fixed ones.

    `loss` and `grad_norm` are the window's since the report before, NaN when they were not
    measured or not finite; a metric is NaN where it was not evaluated, and `metric_NAME` when it is
    named as a fixed column. Raises ImportError without pandas.
    """
    return _frame(_REPORT, "metric", [(_report(line), line.report.metrics) for line in reports])


def _trial(trial: Trial) -> dict[str, Any]:
    return {
        **{"trial": trial.number, "id": trial.id, "state": trial.state.value},
        **{"reason": trial.reason, "role": trial.role.value, "seed": trial.seed},
        **{"attempts": trial.attempts, "point": trial.point, "samples_seen": trial.samples},
        **{"value": trial.value, "loss": trial.loss, "grad_norm": trial.grad_norm},
    }


def _report(line: SweepReport) -> dict[str, Any]:
    report, window, verdict = line.report, line.report.window, line.verdict
    return {
        **{"trial": line.number, "attempt": line.attempt, "at": line.at},
        **{"point": report.point, "samples_seen": report.samples, "step": report.step},
        "loss": None if window.loss is None else window.loss.value,
        "grad_norm": None if window.grad_norm is None else window.grad_norm.value,
        **{"learning_rate": window.learning_rate, "tokens": window.tokens},
        "tokens_per_second": window.tokens_per_second,
        **{"spikes": window.spikes, "non_finite": window.non_finite, "guard": report.guard},
        **{"action": verdict.action.value, "reason": verdict.reason},
    }


def _frame(
    fixed: Mapping[str, str], kind: str, rows: Sequence[tuple[dict[str, Any], Mapping[str, Any]]]
) -> Frame:
    """The fixed columns with their types, then one for each key of the mappings, in order."""
    try:
        # heavy, and only these two tables need it
        import pandas
    except ImportError as error:
        what = "tables need pandas, which is not installed: python -m pip install pandas"
        raise ImportError(what) from error
    keys = list(dict.fromkeys(key for _, more in rows for key in more))
    columns = {name: [row[name] for row, _ in rows] for name in fixed}
    for key in keys:
        name = f"{kind}_{key}" if key in fixed else key
        columns[name] = [more.get(key) for _, more in rows]
    found = pandas.DataFrame(columns)
    floats = {} if kind == "param" else dict.fromkeys(list(found)[len(fixed) :], "float64")
    return found.astype({**fixed, **floats})
