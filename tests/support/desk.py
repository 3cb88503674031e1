"""A conductor over a journal in memory, and workers that do as it says."""

from __future__ import annotations

from typing import Any

from tests_support import toy_spec

from sweeps.conductor import Conductor
from sweeps.journal import Body, Entry, Story, apply, fold
from sweeps.searchers import make_searcher
from sweeps.trial import Action, Evidence, Report, StepRecord, Verdict
from sweeps.windows import make_window

HORIZON = 320
POINTS = 5
PARTING = Evidence(signal="loss", value=1.0, cutoff=0.5, peers=[0])


class Desk:
    """A conductor over a journal in memory; verdicts come from `verdicts`."""

    def __init__(self, entries: list[Entry] | None = None, **changes: Any) -> None:
        self.spec = toy_spec(**changes)
        self.entries = list(entries or [])
        self.story = fold(self.entries)
        self.verdicts: dict[tuple[int, int], Action] = {}
        searcher = make_searcher(self.spec, HORIZON)
        self.comebacks: list[int] = []
        self.asked_as_last: list[bool] = []
        self.conductor = Conductor(
            self.spec, self.story, searcher, self._judge, self._append, self._revive
        )
        self.conductor.slots = 2

    def _append(self, body: Body) -> None:
        apply(self.story, body)
        self.story.seq += 1
        entry = Entry(seq=self.story.seq, at="2026-01-01T00:00:00Z", body=body)
        self.entries.append(entry)

    def _judge(self, story: Story, number: int, report: Report) -> Verdict:
        action = self.verdicts.get((number, report.point), Action.CONTINUE)
        return Verdict(action=action, reason="test", message="As the test says.", evidence=PARTING)

    def _revive(self, story: Story, last: bool, more: bool) -> tuple[int, Verdict] | None:
        self.asked_as_last.append(last)
        parked = [n for n, r in story.trials.items() if n in self.comebacks and r.state == "PAUSED"]
        back = Verdict(action=Action.CONTINUE, reason="revived", message="As the test says.")
        return (parked[0], back) if parked else None

    def state(self, number: int) -> str:
        return str(self.story.trials[number].state)


def report(point: int) -> Report:
    step = StepRecord(point, point * 64, 1, 1.0, 1.0, 0.1)
    return Report(point=point, samples=point * 64, step=point, window=make_window([step]))


def run_out(desk: Desk) -> None:
    """Play every trial to its end as workers would."""
    while not desk.conductor.done():
        while desk.conductor.next():
            pass
        for number, record in list(desk.story.trials.items()):
            if record.state == "RUNNING":
                play(desk, number, record.attempts[-1].number)
    desk.conductor.close()


def play(desk: Desk, number: int, attempt: int) -> None:
    for point in range(1, POINTS + 1):
        verdict = desk.conductor.reported(number, attempt, report(point))
        action = verdict.action
        if action is Action.CONTINUE:
            action = desk.conductor.wish(number)
        if action is Action.STOP:
            return desk.conductor.stopped(number, attempt, point * 64, 1.0)
        if action is Action.PAUSE:
            return desk.conductor.saved(number, attempt, point * 64, 1.0)
    return desk.conductor.finished(number, attempt, HORIZON, 1.0)
