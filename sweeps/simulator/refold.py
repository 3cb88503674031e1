"""A journal judged again: the same story must get the same questions and the same verdicts."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from sweeps.baselines import baseline
from sweeps.confirming import confirmation
from sweeps.journal import Asked, Entry, Judged, Reported, Story, fold
from sweeps.lifecycle import TrialState
from sweeps.phases import stages_in
from sweeps.pruners import make_pruner
from sweeps.pruners.base import Pruner, horizon_of
from sweeps.pruners.decide import verdict
from sweeps.searchers import make_searcher
from sweeps.searchers.base import Searcher
from sweeps.spec import SweepSpec
from sweeps.trial import Action, Role, Verdict
from sweeps.wire import Wire


@dataclass(frozen=True)
class Difference:
    """An entry that would be another today: what stands in the journal, and what comes out now,
    both as JSON, so that NaN equals NaN. "null": nothing at all."""

    seq: int
    what: Literal["asked", "verdict", "revived"]
    stored: str
    again: str


def refold(spec: SweepSpec, entries: Iterable[Entry]) -> list[Difference]:
    """Fold `entries`, and before each one ask again for what it holds: the configuration, the
    verdict on a report, the parked trial to revive. An empty list is parity."""
    story, pruner = Story(), make_pruner(spec)
    searcher: Searcher | None = None
    found: list[Difference] = []
    for entry in entries:
        body, again = entry.body, None
        match body:
            case Asked():
                searcher = searcher or _searcher(spec, story)
                asked = _asked(spec, story, searcher)
                again = _difference(entry.seq, "asked", body, asked)
            case Reported():
                judged = verdict(spec, pruner, story, body.trial, body.report)
                again = _difference(entry.seq, "verdict", body.verdict, judged)
            case Judged() if body.verdict.action is Action.CONTINUE:
                searcher = searcher or _searcher(spec, story)
                revived = _revived(pruner, story, searcher)
                now = Judged(trial=revived[0], verdict=revived[1]) if revived else None
                again = _difference(entry.seq, "revived", body, now)
            case _:
                pass
        found += [again] if again is not None else []
        fold([entry], story)
    return found


def _searcher(spec: SweepSpec, story: Story) -> Searcher:
    return make_searcher(spec, horizon_of(spec, story), stages_in(spec, story))


def _asked(spec: SweepSpec, story: Story, searcher: Searcher) -> Asked | None:
    """As the conductor asks: the rows beside the search first, its confirmation last."""
    return baseline(spec, story) or searcher.ask(story) or confirmation(spec, story)


def _revived(pruner: Pruner, story: Story, searcher: Searcher) -> tuple[int, Verdict] | None:
    """As the conductor asks: before the searcher, and again when that had nothing."""
    search = (r for r in story.trials.values() if r.trial.role is Role.SEARCH)
    runs = any(record.state == TrialState.RUNNING for record in search)
    if not searcher.exhausted(story):
        found = pruner.revive(story, False, True)
        if found is not None or searcher.ask(story) is not None:
            return found
    return pruner.revive(story, not runs, False)


def _difference(
    seq: int, what: Literal["asked", "verdict", "revived"], stored: Wire, again: Wire | None
) -> Difference | None:
    texts = stored.model_dump_json(), again.model_dump_json() if again is not None else "null"
    return None if texts[0] == texts[1] else Difference(seq, what, *texts)
