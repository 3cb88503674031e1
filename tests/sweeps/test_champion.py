from __future__ import annotations

from stories import Script, make_spec

from sweeps.champion import champion
from sweeps.result import Result, make_result


def result() -> Result:
    """Trial 1 is best and trial 0 as good, and quicker: that one is recommended."""
    script = Script()
    script.run(1.001, error=0.1, learning_rate=0.1)
    script.run(1.0, error=0.1, learning_rate=0.2)
    script.run(2.0, error=0.1, learning_rate=0.3)
    made = make_result(make_spec(), script.story)
    quick = [row.model_copy(update={"seconds": 1.0 + row.trial}) for row in made.ranking]
    return made.model_copy(update={"ranking": quick, "recommended": 0})


def test_the_recommended_one_is_taken_before_the_best() -> None:
    taken = champion(result(), {0, 1, 2})
    assert taken is not None
    assert taken.trial == 0


def test_only_one_whose_weights_were_kept_is_taken() -> None:
    taken = champion(result(), {1, 2})
    assert taken is not None
    assert taken.trial == 1
    assert champion(result(), set()) is None


def test_one_that_breaks_a_limit_never_is() -> None:
    found = result()
    rows = [row.model_copy(update={"over": ["eval_loss"]}) for row in found.ranking[:2]]
    broken = found.model_copy(update={"ranking": [*rows, found.ranking[2]]})
    taken = champion(broken, {0, 1, 2})
    assert taken is not None
    assert taken.trial == 2
    assert champion(broken, {0, 1}) is None
