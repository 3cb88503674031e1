from __future__ import annotations

import math
from typing import Any

import pytest
from stories import Script, make_report, make_spec

from sweeps.beside import Beside, beside, beside_notes, confirm_notes
from sweeps.lifecycle import AttemptEnd
from sweeps.ranking import rank
from sweeps.trial import Role


def add(script: Script, role: Role, value: float | None, **params: Any) -> int:
    number = script.ask(role=role, **params)
    script.say(number, make_report(10, value))
    script.end(number, seconds=5.0)
    return number


def rows(script: Script, **spec: Any) -> list[Beside]:
    records, whole = list(script.story.trials.values()), make_spec(**spec)
    return beside(whole, records, rank(whole, records))


def notes(script: Script, **spec: Any) -> str:
    return "\n".join(beside_notes(make_spec(**spec), script.story, rows(script, **spec)))


def test_each_row_stands_by_its_difference_to_the_best() -> None:
    script = Script()
    add(script, Role.BASE, 4.0)
    add(script, Role.PRESET, 0.5)
    best = script.run(1.0, learning_rate=0.2)
    add(script, Role.CONFIRM, 1.5, learning_rate=0.2)
    found = rows(script)
    assert [(r.role, r.final, r.difference, r.of) for r in found] == [
        (Role.BASE, 4.0, 2.5, None),
        (Role.PRESET, 0.5, -1.0, None),
        (Role.CONFIRM, 1.5, 0.0, best),
    ]
    assert (found[0].samples, found[0].seconds, found[0].message) == (1000, 5.0, "")


def test_without_a_best_there_is_no_difference() -> None:
    script = Script()
    add(script, Role.BASE, 4.0)
    (row,) = rows(script)
    assert (row.final, row.difference) == (4.0, None)
    assert notes(script) == ""


def test_a_row_without_a_value_says_why() -> None:
    script = Script()
    add(script, Role.BASE, math.nan)
    add(script, Role.PRESET, None)
    failed = script.ask(role=Role.CONFIRM)
    script.end(failed, AttemptEnd.FAILED, 0, error="Boom", gave_up=True)
    script.ask(role=Role.CONFIRM)
    base, preset, gone, running = rows(script)
    assert base.message == "its final eval_loss is not a finite number."
    assert preset.message == "eval_loss was not reported at the last decision point."
    assert gone.message == "Gave up after 1 attempt: Boom"
    assert (running.message, running.final, running.state) == ("", None, "RUNNING")


@pytest.mark.parametrize(
    ("goal", "value", "better"),
    [("minimize", 0.5, True), ("minimize", 1.5, False), ("maximize", 1.5, True),
     ("maximize", 0.5, False), ("minimize", 1.0, True)],
)  # fmt: skip
def test_a_base_model_that_training_did_not_beat_is_pointed_out(
    goal: str, value: float, better: bool
) -> None:
    script = Script()
    add(script, Role.BASE, value)
    script.run(1.0)
    said = notes(script, metric={"name": "eval_loss", "goal": goal})
    assert ("training did not help" in said) == better


def test_a_failed_row_and_a_refused_preset_are_told() -> None:
    script = Script(rows=[Role.PRESET])
    failed = script.ask(role=Role.BASE)
    script.end(failed, AttemptEnd.FAILED, 0, error="Boom", gave_up=True)
    assert "The base row failed. Gave up after 1 attempt: Boom" in notes(script)
    short = Script(100, rows=[Role.PRESET])
    assert "There is no row of the preset tulu2: a warmup of 1" in notes(short)
    assert notes(Script(100)) == ""


def test_what_confirmation_says_of_the_search() -> None:
    script = Script()
    script.run(1.0, learning_rate=0.2)
    add(script, Role.CONFIRM, 1.5, learning_rate=0.2)
    add(script, Role.CONFIRM, 1.5, learning_rate=0.2)
    ranking = rank(make_spec(), list(script.story.trials.values()))
    first, second = confirm_notes(make_spec(), ranking)
    assert "trial 0 1 -> 1.5" in first
    assert "does not use the seed" in second
    broken = [ranking[0].model_copy(update={"broken": 2, "error": 0.1})]
    assert confirm_notes(make_spec(), broken)[1] == "Trial 0: 2 of its confirmation runs broke."
    assert confirm_notes(make_spec(), []) == []
