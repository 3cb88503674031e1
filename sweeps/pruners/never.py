"""No pruning: every run that the guards let live goes to its end."""

from __future__ import annotations

from sweeps.journal import Story
from sweeps.pruners.base import NeverRevives
from sweeps.spec import SweepSpec
from sweeps.trial import GO_ON, Report, Verdict


class NeverPruner(NeverRevives):
    """Lets everything go on."""

    def __init__(self, spec: SweepSpec) -> None:
        """Nothing in the spec matters to it."""

    def judge(self, story: Story, number: int, report: Report) -> Verdict:
        """Go on."""
        return GO_ON
