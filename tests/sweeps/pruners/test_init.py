from __future__ import annotations

import pytest
from stories import Script, make_report, make_spec

from sweeps.pruners import PRUNERS, make_pruner
from sweeps.trial import GO_ON


@pytest.mark.parametrize("name", sorted(PRUNERS))
def test_every_name_leads_to_a_pruner(name: str) -> None:
    script = Script()
    script.ask()
    pruner = make_pruner(make_spec(pruning={"type": name}))
    # Without its signals no rule has anything to say.
    assert pruner.judge(script.story, 0, make_report(5, norms=(None, None))) == GO_ON
    assert pruner.revive(script.story, last=True) is None


def test_a_pruner_without_a_rule_is_a_mistake_of_the_code() -> None:
    with pytest.raises(KeyError):
        make_pruner(make_spec(pruning={"type": "early_dynamics"}))
