from __future__ import annotations

import pytest
from curve_stories import Made, grid_of, ordered
from stories import make_spec

from sweeps.journal import Asked, AttemptEnded, Entry, Judged, Reported
from sweeps.lifecycle import AttemptEnd
from sweeps.simulator.refold import refold
from sweeps.simulator.simulate import simulate
from sweeps.simulator.synthetic import Synthetic
from sweeps.trial import GO_ON, Action, Verdict

SPEC = grid_of(9, pruning={"type": "median"})


def journal() -> list[Entry]:
    return simulate(SPEC, Made(ordered), slots=2).entries


def forged(entries: list[Entry], kind: type, change: dict[str, object]) -> tuple[list[Entry], int]:
    """The journal with its last entry of a kind changed, and that entry's seq."""
    index = max(i for i, entry in enumerate(entries) if isinstance(entry.body, kind))
    body = entries[index].body.model_copy(update=change)
    made = entries[index].model_copy(update={"body": body})
    return [*entries[:index], made, *entries[index + 1 :]], made.seq


def test_a_journal_agrees_with_itself() -> None:
    assert refold(SPEC, journal()) == []


def test_a_changed_verdict_is_found() -> None:
    forgery = GO_ON.model_copy(update={"message": "Somebody wrote this."})
    entries, seq = forged(journal(), Reported, {"verdict": forgery})
    (found,) = refold(SPEC, entries[:seq])
    assert (found.seq, found.what) == (seq, "verdict")
    assert "Somebody" in found.stored
    assert "Somebody" not in found.again


def test_another_configuration_is_found() -> None:
    entries, seq = forged(journal(), Asked, {"params": {"learning_rate": 5.0}})
    (found,) = refold(SPEC, entries[:seq])
    assert (found.seq, found.what) == (seq, "asked")


def test_another_spec_judges_otherwise() -> None:
    other = grid_of(9, pruning={"type": "never"})
    assert {found.what for found in refold(other, journal())} == {"verdict"}


def test_a_question_too_many_is_found() -> None:
    short = grid_of(9, pruning={"type": "median"}, budget={"trials": 8})
    (found,) = refold(short, journal())
    assert found.again == "null"


def test_a_revival_that_no_pruner_asked_for_is_found() -> None:
    entries = journal()
    index = next(i for i, e in enumerate(entries) if isinstance(e.body, Reported))
    report = entries[index].body
    assert isinstance(report, Reported)
    tail = [
        AttemptEnded(trial=report.trial, attempt=1, reason=AttemptEnd.PAUSED),
        Judged(
            trial=report.trial,
            verdict=Verdict(action=Action.CONTINUE, reason="revived", message="Back."),
        ),
    ]
    made = [
        Entry(seq=entries[index].seq + n, at="2026-01-01T00:00:00Z", body=body)
        for n, body in enumerate(tail, start=1)
    ]
    (found,) = refold(SPEC, [*entries[: index + 1], *made])
    assert (found.what, found.again) == ("revived", "null")


@pytest.mark.parametrize("method", ["random", "tpe", "cmaes"])
def test_a_searcher_that_learns_asks_the_same_again(method: str) -> None:
    """Trials of two slots end in another order than they were asked, and some are stopped."""
    spec = make_spec(
        method={"type": method},
        parameters={
            "global_batch_size": {"value": 10},
            "learning_rate": {"distribution": "log_uniform_values", "min": 1e-4, "max": 1.0},
        },
        budget={"trials": 16},
        pruning={"type": "median"},
    )
    toy = Synthetic(spec.spec.metric, best_rate=0.01)
    entries = simulate(spec, toy, slots=2).entries
    assert sum(isinstance(entry.body, Asked) for entry in entries) == 16
    assert refold(spec, entries) == []
