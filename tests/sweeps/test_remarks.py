from __future__ import annotations

from typing import Any

import pytest
from stories import Script, make_report, make_spec

from sweeps.lifecycle import AttemptEnd
from sweeps.ranking import rank, standings, stopped, unranked
from sweeps.remarks import listed, remarks, told
from sweeps.spec import SweepSpec
from sweeps.trial import Action, Verdict

STOP = Verdict(action=Action.STOP, reason="median", message="Worse than the median.")


def noted(spec: SweepSpec, script: Script) -> str:
    records = list(script.story.trials.values())
    waiting = standings(spec.spec.metric, records)
    lines = remarks(spec, rank(spec, records), unranked(spec, records), waiting, stopped(records))
    return "\n".join(lines)


@pytest.mark.parametrize(
    ("axis", "best", "said"),
    [
        ({"values": [0.1, 0.2, 0.3]}, 0.3, "highest end of what was tried; try higher"),
        ({"values": [0.1, 0.2, 0.3]}, 0.1, "lowest end of what was tried; try lower"),
        ({"values": [0.1, 0.2, 0.3]}, 0.2, None),
        ({"values": [0.1, 0.3]}, 0.3, None),
        ({"values": [0, 0.1, 0.2]}, 0, None),
        ({"values": ["a", "b", "c"]}, "c", None),
        ({"distribution": "uniform", "min": 1, "max": 2}, 1.96, "try higher"),
        ({"distribution": "uniform", "min": 1, "max": 2}, 1.9, None),
        ({"distribution": "log_uniform_values", "min": 1e-6, "max": 1e-3}, 1.2e-6, "try lower"),
        ({"distribution": "log_uniform_values", "min": 1e-6, "max": 1e-3}, 1e-5, None),
        ({"distribution": "int_uniform", "min": 1, "max": 100}, 98, "try higher"),
    ],
)
def test_an_optimum_at_the_edge_is_pointed_out(
    axis: dict[str, Any], best: Any, said: str | None
) -> None:
    script = Script()
    script.run(1.0, learning_rate=best)
    script.run(2.0)
    notes = noted(make_spec(parameters={"learning_rate": axis}), script)
    assert (said is None) == ("end of what was tried" not in notes)
    assert said is None or said in notes


def test_a_tie_inside_the_axis_takes_the_edge_back() -> None:
    script = Script()
    script.run(1.0, learning_rate=0.3)
    script.run(1.0, learning_rate=0.2)
    assert "end of what was tried" not in noted(make_spec(), script)


def test_what_else_is_worth_knowing() -> None:
    script = Script()
    script.run(2.0, learning_rate=0.2)
    script.run(None)
    ahead, failed, pruned = script.ask(), script.ask(), script.ask()
    script.say(ahead, make_report(5, 1.0))
    script.end(failed, AttemptEnd.FAILED, 0, error="out of memory", gave_up=True)
    script.stop(pruned, 300, STOP)
    notes = noted(make_spec(), script)
    assert "Only one trial finished" in notes
    assert "Trial 1 is not ranked: eval_loss was not reported" in notes
    assert f"Trial {ahead} (RUNNING) did not finish, but its best eval_loss so far, 1" in notes
    assert f"Trial {failed} failed" in notes
    assert "out of memory" in notes
    assert "Stopped early: 1 trials (1 median)." in notes


def test_settings_are_told_as_a_person_writes_them() -> None:
    assert told({"a": 2e-05, "b": True, "c": "cosine", "d": 8}) == (
        "a: 2e-05, b: true, c: cosine, d: 8"
    )
    assert told({}) == "no parameters"
    assert [listed([4]), listed([4, 2]), listed([4, 2, 7])] == ["4", "4 and 2", "4, 2 and 7"]
