from __future__ import annotations

import pytest
from pydantic import ValidationError

from sweeps.spec import Horizon


def test_a_horizon_has_exactly_one_length() -> None:
    assert (Horizon(samples=5).epochs, Horizon(epochs=0.5).samples) == (None, None)
    for samples, epochs in ((None, None), (5, 0.5)):
        with pytest.raises(ValidationError, match="not both"):
            Horizon(samples=samples, epochs=epochs)
