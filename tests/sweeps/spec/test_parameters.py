from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from sweeps.spec import Parameters

AXES: dict[str, Any] = {"seed": {"values": [1, 2]}, "learning_rate": {"values": [0.1, 0.2]}}
SIDES: dict[str, Any] = {
    "paired": [{"warmup_steps": 0, "decay": 1}, {"warmup_steps": 5, "decay": 2}],
    "exclude": [{"seed": 1, "learning_rate": 0.1}],
}


@pytest.mark.parametrize("sides", [{}, SIDES])
def test_axes_stand_beside_what_joins_them_and_are_written_back_so(sides: dict[str, Any]) -> None:
    read = Parameters.model_validate({**AXES, **sides})
    assert set(read.axes) == set(AXES)
    told = read.model_dump(mode="json", exclude_none=True)
    assert set(told) == {*AXES, *sides}
    assert Parameters.model_validate(told) == read


def test_what_is_no_mapping_is_refused() -> None:
    with pytest.raises(ValidationError):
        Parameters.model_validate([AXES])
