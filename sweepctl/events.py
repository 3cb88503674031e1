"""One event of a sweep as one line of text."""

from __future__ import annotations

from typing import Any

from service.schemas import Event
from sweepctl import text
from sweeps.trial import Action


def line(event: Event) -> str:
    """`12:03:41 trial 3 RUNNING learning_rate=0.001`."""
    data = event.data
    tell = {"sweep": _sweep, "trial": _trial, "verdict": _verdict, "command": _command}
    return f"{event.at:%H:%M:%S} {tell[event.type](data)}"


def _sweep(data: dict[str, Any]) -> str:
    return f"sweep {data['state']}" + (f": {data['message']}" if data.get("message") else "")


def _trial(data: dict[str, Any]) -> str:
    why = f" ({text.reason(data['reason'])})" if data.get("reason") else ""
    return f"trial {data['number']} {data['state']}{why} {text.params(data.get('params') or {})}"


def _verdict(data: dict[str, Any]) -> str:
    signals = {"loss": data.get("loss"), "grad_norm": data.get("grad_norm"), **data["metrics"]}
    shown = " ".join(f"{name}={_number(value)}" for name, value in signals.items())
    said = f"trial {data['number']} point {data['point']} samples {data['samples']} {shown}"
    if data["action"] == Action.CONTINUE:
        return said
    return f"{said} -> {data['action']} ({data['reason']}): {data['message']}"


def _command(data: dict[str, Any]) -> str:
    whom = "" if data.get("trial") is None else f" trial {data['trial']}"
    return f"command {data['kind']}{whom} {data['status']}"


def _number(value: Any) -> str:
    """Numbers that are not finite arrive as the wire's strings."""
    return value if isinstance(value, str) else text.number(value)
