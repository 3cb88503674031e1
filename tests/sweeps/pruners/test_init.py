from __future__ import annotations

from typing import get_args

import pytest
from stories import Script, make_report, make_spec

from sweeps.pruners import PRUNERS, make_pruner
from sweeps.pruners.configs import Pruning
from sweeps.trial import GO_ON, NOTHING_SEEN


@pytest.mark.parametrize("name", sorted(PRUNERS))
def test_every_name_leads_to_a_pruner(name: str) -> None:
    script = Script()
    script.ask()
    pruner = make_pruner(make_spec(pruning={"type": name}))
    # Without its signals no rule has anything to say.
    silent = make_report(5).model_copy(update={"window": NOTHING_SEEN})
    assert pruner.judge(script.story, 0, silent) == GO_ON
    assert pruner.revive(script.story, last=True, more=False) is None


def test_every_type_that_a_spec_may_name_has_a_rule() -> None:
    union, _ = get_args(Pruning)
    types = {get_args(config.model_fields["type"].annotation)[0] for config in get_args(union)}
    assert types == set(PRUNERS)
