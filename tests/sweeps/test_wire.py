from __future__ import annotations

import json
import math

import pytest
from pydantic import ValidationError
from stories import make_report

from sweeps.trial import Evidence, Report
from sweeps.wire import Wire


class Number(Wire):
    value: float | None = None


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf, 0.0, -0.0, 1e-300, 1.5])
def test_every_float_survives_json(value: float) -> None:
    text = Number(value=value).model_dump_json()
    json.loads(text, parse_constant=pytest.fail)  # NaN or Infinity as a bare word is no JSON
    back = Number.model_validate_json(text).value
    assert back is not None
    assert math.copysign(1, back) == math.copysign(1, value)
    assert back == value or (math.isnan(back) and math.isnan(value))


def test_absent_is_not_nan() -> None:
    assert Number.model_validate_json(Number().model_dump_json()).value is None
    assert json.loads(Number(value=math.nan).model_dump_json()) == {"value": "NaN"}


def test_a_report_of_a_broken_run_survives_json() -> None:
    nan, inf = math.nan, math.inf
    report = make_report(3, nan, losses=(nan, nan), norms=(inf, nan), metrics={"x": -inf})
    back = Report.model_validate_json(report.model_dump_json())
    assert back.window.loss is not None
    assert math.isnan(back.window.loss.value)
    assert math.isnan(back.metrics["eval_loss"])
    assert back.metrics["x"] == -inf
    assert back.model_dump_json() == report.model_dump_json()
    again = Report.model_validate(json.loads(report.model_dump_json()))
    assert again.model_dump_json() == report.model_dump_json()


def test_absent_signals_stay_absent() -> None:
    report = make_report(3, norms=(None, None))
    back = Report.model_validate_json(report.model_dump_json())
    assert back.window.grad_norm is None
    assert back.window.peak_memory_bytes is None


def test_details_hold_nan_and_none() -> None:
    evidence = Evidence(value=math.nan, details={"a": None, "b": math.inf})
    back = Evidence.model_validate_json(evidence.model_dump_json())
    assert back.details == {"a": None, "b": math.inf}


def test_unknown_keys_and_changes_are_errors() -> None:
    with pytest.raises(ValidationError):
        Number.model_validate({"value": 1, "other": 2})
    with pytest.raises(ValidationError):
        Number(value=1).value = 2  # type: ignore[misc]
