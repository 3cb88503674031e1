"""All reports of a trial: the last ones may not have been heard yet."""

from __future__ import annotations

from typing import Any

from sweeps.trial import Report


class Reports:
    """Those that the driver heard (`told`), and after them those that it must still hear
    (`unheard`). `known` is the last decision point that the journal has heard of."""

    def __init__(self, known: int) -> None:
        self._known = known
        self.told: list[Report] = []
        self.unheard: list[Report] = []

    def heard(self) -> None:
        """The driver answered the first that was unheard."""
        self.told.append(self.unheard.pop(0))

    def dump(self) -> dict[str, Any]:
        """For a checkpoint."""
        return {
            "told": [report.model_dump_json() for report in self.told],
            "unheard": [report.model_dump_json() for report in self.unheard],
        }

    def load(self, state: dict[str, Any]) -> None:
        """Take over what `dump` wrote."""
        told = [Report.model_validate_json(report) for report in state["told"]]
        unheard = [Report.model_validate_json(report) for report in state["unheard"]]
        # The checkpoint may be ahead of the journal: a driver that had lost its lease answered,
        # and what it wrote counts for nothing.
        self.told = [report for report in told if report.point <= self._known]
        self.unheard = [report for report in told if report.point > self._known] + unheard

    def inherit(self, samples: int) -> None:
        """They are another trial's that went the same way for so many samples: they are ours to
        tell now, and say so."""
        ours = {"inherited": samples}
        self.told = [report.model_copy(update=ours) for report in self.told]
        unheard = [report for report in self.unheard if report.point > self._known]
        self.unheard = [report.model_copy(update=ours) for report in unheard]
