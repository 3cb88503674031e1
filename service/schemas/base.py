"""What every body is made of."""

from __future__ import annotations

from typing import Annotated

from pydantic import ConfigDict, Field

from sweeps.wire import Wire

SweepId = Annotated[str, Field(pattern=r"^swp_[0-9a-f]{32}$")]
TrialId = Annotated[str, Field(pattern=r"^trl_[0-9a-f]{32}$")]
# Seqs, tokens and event numbers live in 64-bit columns.
Number = Annotated[int, Field(ge=0, lt=2**63)]
Line = Annotated[str, Field(min_length=1, max_length=200)]


class Answer(Wire):
    """Base of answers: an older client ignores what a newer service adds."""

    model_config = ConfigDict(extra="ignore")
