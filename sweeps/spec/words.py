"""The words that a spec is made of: names, paths, durations, and text-or-block."""

from __future__ import annotations

import re
from typing import Annotated, Any

from pydantic import AfterValidator, Discriminator, Field, Tag

Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$")]
MetricName = Annotated[str, Field(pattern=r"^[A-Za-z0-9_][A-Za-z0-9_./ -]{0,200}$")]
Text = Annotated[str, Field(min_length=1, max_length=1000)]
_CLOCK = re.compile(r"^(?=.)(?:(\d+)d)?(?:(\d+)h)?(?:(\d+)m)?(?:(\d+)s)?$")


def _written(data: Any) -> str:
    return "text" if isinstance(data, str) else "block"


# One way to read "text or a block", so that an error speaks of the way the user meant.
TEXT, BLOCK, EITHER = Tag("text"), Tag("block"), Discriminator(_written)


def seconds_of(text: str) -> int:
    """`48h`, `90m`, `1d12h`, `30s` -> seconds. Raises ValueError for anything else."""
    match = _CLOCK.match(text)
    if not match:
        raise ValueError("this is no duration; write e.g. 48h, 90m or 1d12h")
    units = (86400, 3600, 60, 1)
    return sum(int(part or 0) * unit for part, unit in zip(match.groups(), units, strict=True))


def _positive_clock(text: str) -> str:
    if seconds_of(text) == 0:
        raise ValueError("a zero duration runs nothing; write e.g. 48h or leave it out")
    return text


# A duration that is not zero, as the user writes it.
Clock = Annotated[str, AfterValidator(_positive_clock)]
