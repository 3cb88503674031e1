"""The trials of a story, loaded from the store as the fold asks for them.

So that an entry costs what it touches, not what the whole sweep holds.
"""

from __future__ import annotations

import json

from sqlalchemy.orm import Session

from service.store import trials
from service.store.tables import TrialRow
from sweeps.lifecycle import TrialState
from sweeps.trial import NOTHING_SEEN, AttemptRecord, Report, Role, Trial, TrialRecord

# Stands for a report that is stored: the fold only asks whether there is one at a point.
_STORED = Report(point=0, samples=0, step=0, window=NOTHING_SEEN)


class LoadedTrials(dict[int, TrialRecord]):
    """A story's `trials`: `in` looks in the store too, `len` counts all. `rows` are those loaded.

    Iterating shows what is loaded; call `load_all` before folding what touches every trial.
    """

    def __init__(self, session: Session, sweep_id: str) -> None:
        super().__init__()
        self.rows: dict[int, TrialRow] = {}
        self._session, self._sweep_id = session, sweep_id
        self._count = trials.count(session, sweep_id)

    def __len__(self) -> int:
        return self._count

    def __contains__(self, number: object) -> bool:
        if super().__contains__(number):
            return True
        if not isinstance(number, int) or not 0 <= number < self._count:
            return False
        row = trials.numbered(self._session, self._sweep_id, number)
        if row is not None:
            self._load(row)
        return row is not None

    def add(self, row: TrialRow) -> None:
        """A trial was just asked; its record is in the dict already."""
        self.rows[row.number] = row
        self._count += 1

    def load_all(self) -> None:
        """Load every trial of the sweep."""
        for row in trials.every(self._session, self._sweep_id):
            if not super().__contains__(row.number):
                self._load(row)

    def _load(self, row: TrialRow) -> None:
        attempts = [
            AttemptRecord(one.number, one.ended, one.samples, error=one.error)
            for one in trials.attempts(self._session, row.id)
        ]
        trial = Trial(row.number, json.loads(row.params), Role(row.role), row.seed)
        record = TrialRecord(trial, TrialState(row.state), row.reason, attempts=attempts)
        record.reports = dict.fromkeys(trials.points(self._session, row.id), _STORED)
        self[row.number], self.rows[row.number] = record, row
