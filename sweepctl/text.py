"""Single values as a person reads them in a table."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from service.schemas import Accepted
from sweeps.faults import headline
from sweeps.trial import Params


def number(value: float | None) -> str:
    """Four digits; `-` for absent, which is not NaN."""
    return "-" if value is None else f"{value:.4g}"


def count(value: int | None) -> str:
    """Thousands apart; `-` for unknown."""
    return "-" if value is None else f"{value:,}"


def limit(value: int | None) -> str:
    """A limit that may not be there."""
    return "no limit" if value is None else count(value)


def share(value: float | None) -> str:
    """0.437 -> 43.7 %."""
    return "-" if value is None else f"{100 * value:.1f} %"


def short(identity: str) -> str:
    """The id's prefix and eight digits: enough to type."""
    return identity[:12]


def params(values: Params) -> str:
    """A configuration on one line: global_batch_size=16 learning_rate=0.001."""
    return " ".join(f"{name}={parameter(value)}" for name, value in values.items()) or "-"


def parameter(value: Any) -> str:
    """One parameter's value."""
    return f"{value:.6g}" if isinstance(value, float) else str(value)


def reason(given: str | None) -> str:
    """Why a trial is where it is, on one line: its error may be a whole traceback."""
    return headline(given or "") or "-"


def states(counts: dict[Any, int]) -> str:
    """`3 DONE, 2 RUNNING`; states without members left out."""
    return ", ".join(f"{many} {state}" for state, many in counts.items() if many) or "none"


def outcome(accepted: Accepted) -> str:
    """What came of a command so far."""
    how = "done" if accepted.applied else "taken; it waits for the sweep's driver"
    return f"{how}; the sweep is {accepted.state}"


def age(then: datetime | None, now: datetime | None = None) -> str:
    """How long ago, in one unit: 12s, 5m, 3h, 9d; `-` for never."""
    if then is None:
        return "-"
    seconds = max(0, int(((now or datetime.now(UTC)) - then).total_seconds()))
    for unit, size in (("d", 86400), ("h", 3600), ("m", 60)):
        if seconds >= 2 * size:
            return f"{seconds // size}{unit}"
    return f"{seconds}s"


def moment(then: datetime | None) -> str:
    """RFC 3339 to the second, UTC."""
    return "-" if then is None else then.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
