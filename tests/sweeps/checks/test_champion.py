from __future__ import annotations

from typing import Any

import pytest
from stories import make_spec

from sweeps.checks import check
from sweeps.checks.champion import champion_faults
from sweeps.errors import SpecError

MINE = {"workload": {"recipe": "mine"}}


@pytest.mark.parametrize(
    ("changes", "mend"),
    [
        ({"checkpoints": {"champion": "merged", "keep_best": 0}}, "Write keep_best: 1"),
        ({"checkpoints": {"champion": "merged"}, **MINE}, "Take it out."),
    ],
)
def test_merged_is_refused_where_no_winner_is_registered(
    changes: dict[str, Any], mend: str
) -> None:
    with pytest.raises(SpecError) as caught:
        check(make_spec(**changes))
    (fault,) = caught.value.faults
    assert (fault.pointer, fault.value) == ("/spec/checkpoints/champion", "merged")
    assert mend in fault.mend


@pytest.mark.parametrize(
    "changes",
    [
        {"checkpoints": {"champion": "merged"}},
        {"checkpoints": {"keep_best": 0}},
        {"checkpoints": {"champion": "never", "keep_best": 0}},
        {"checkpoints": {"champion": "never"}, **MINE},
        MINE,
    ],
)
def test_everything_else_passes(changes: dict[str, Any]) -> None:
    assert champion_faults(make_spec(**changes)) == []
    check(make_spec(**changes))
