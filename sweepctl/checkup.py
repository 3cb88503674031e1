"""One line of `doctor`."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Check:
    """What was looked at and what was found. `mend` is empty when it is well."""

    name: str
    found: str
    mend: str = ""
