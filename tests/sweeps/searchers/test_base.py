from __future__ import annotations

from stories import Script

from sweeps.searchers.base import asked, searched
from sweeps.trial import Role


def test_what_was_searched_is_the_search_trials_in_order() -> None:
    script = Script()
    script.ask(learning_rate=1.0)
    script.ask(role=Role.CONFIRM)
    script.ask(learning_rate=2.0)
    assert [params["learning_rate"] for params in searched(script.story)] == [1.0, 2.0]


def test_the_next_trial_has_the_next_number_and_its_own_seed_if_it_has_one() -> None:
    script = Script()
    script.ask()
    assert asked(script.story, {"a": 1}, 7).model_dump() == {
        "type": "asked", "trial": 1, "params": {"a": 1}, "role": "search", "seed": 7,
    }  # fmt: skip
    assert asked(script.story, {"seed": 3}, 7).seed == 3
