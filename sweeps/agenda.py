"""Which trial of a sweep comes next, and whether any more will come."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from sweeps.baselines import baseline
from sweeps.confirming import confirmation, search_is_open
from sweeps.journal import Asked, Body, Judged, Story
from sweeps.lifecycle import TrialState
from sweeps.prefixes import Held, ahead
from sweeps.searchers.base import Searcher
from sweeps.spec import SweepSpec
from sweeps.trial import Action, Role, TrialRecord, Verdict

Revive = Callable[[Story, bool, bool], tuple[int, Verdict] | None]
Part = Callable[[Story], Mapping[int, Verdict]]


class Agenda:
    """What is still to run. It journals through `append` what it asks for, revives and parts with.

    `revive` and `part` are the pruner's: which parked trial comes back, and its last word on those
    that do not.
    """

    def __init__(
        self,
        spec: SweepSpec,
        story: Story,
        searcher: Searcher,
        append: Callable[[Body], None],
        revive: Revive,
        part: Part,
    ) -> None:
        self._spec, self._story, self._searcher = spec, story, searcher
        self._append, self._revive, self._part = append, revive, part

    def take(self, slots: int) -> TrialRecord | None:
        """The trial to run now, of which `slots` run at once; None when there is none.

        Trials that wait for another attempt go first, unless they are better held (`Held`),
        then the rows beside the search, then those that the pruner revives, then new ones. When
        there is nothing new after all, the pruner is asked once more. Confirmation runs come when
        all that is over.
        """
        held = Held(self._spec, self._story)
        pending = self._records(TrialState.PENDING)
        waiting = next((r for r in pending if r.trial.number not in held.numbers), None)
        waiting = waiting or self._asked(baseline(self._spec, self._story))
        more = waiting is None and not self._searcher.exhausted(self._story)
        waiting = waiting or self._revived(more)
        if waiting is None and more:
            waiting = self._new(held, slots) or self._revived(more=False)
        return waiting or self._confirming()

    def asked_out(self) -> bool:
        """True when no trial will be asked for any more."""
        return self._searched_out() and not self._rows_due()

    def empty(self) -> bool:
        """True when, with nothing out, nothing more will run."""
        if self._records(TrialState.PENDING) or not self._searched_out():
            return False
        return self._revive(self._story, True, False) is None and not self._rows_due()

    def part(self) -> None:
        """Stop the parked trials that nothing revived, in the pruner's words if it has any."""
        said = self._part(self._story)
        for record in self._records(TrialState.PAUSED):
            parted = record.verdicts[max(record.verdicts)]
            verdict = said.get(record.trial.number) or Verdict(
                action=Action.STOP,
                reason="parked",
                message=f"{parted.message} No trial did badly enough to bring it back.",
                evidence=parted.evidence,
            )
            self._append(Judged(trial=record.trial.number, verdict=verdict))

    def _revived(self, more: bool) -> TrialRecord | None:
        """The parked trial that the pruner brings back now, journalled as revived."""
        if not self._records(TrialState.PAUSED):
            return None
        running = self._records(TrialState.RUNNING)
        last = not more and not any(r.trial.role is Role.SEARCH for r in running)
        found = self._revive(self._story, last, more)
        if found is None:
            return None
        number, verdict = found
        self._append(Judged(trial=number, verdict=verdict))
        return self._story.trials[number]

    def _searched_out(self) -> bool:
        """True when the searcher has nothing more. It need not know so before it is asked."""
        return self._searcher.exhausted(self._story) or self._searcher.ask(self._story) is None

    def _new(self, held: Held, slots: int) -> TrialRecord | None:
        """The searcher's next configuration, journalled as asked. Those that another trial is
        training the first phase of wait; the one after them is as good for the free slot."""
        while len(held.numbers) < ahead(self._spec, slots):
            record = self._asked(self._searcher.ask(self._story))
            if record is None or not held.add(record.trial):
                return record
        return None

    def _confirming(self) -> TrialRecord | None:
        """The next confirmation run. Nothing of the search is left then: what is still parked,
        and was just not revived, is stopped before."""
        if self._spec.spec.confirm is None or search_is_open(self._story):
            return None
        self.part()
        return self._asked(confirmation(self._spec, self._story))

    def _rows_due(self) -> bool:
        """True when a row beside the search, or a confirmation run, is still to be asked."""
        due = baseline(self._spec, self._story) or confirmation(self._spec, self._story)
        return due is not None

    def _asked(self, asked: Asked | None) -> TrialRecord | None:
        if asked is None:
            return None
        self._append(asked)
        return self._story.trials[asked.trial]

    def _records(self, state: TrialState) -> list[TrialRecord]:
        return [record for record in self._story.trials.values() if record.state == state]
