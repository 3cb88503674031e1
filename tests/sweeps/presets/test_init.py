from __future__ import annotations

import pytest

from sweeps.checks import check
from sweeps.errors import SpecError
from sweeps.planning import plan
from sweeps.presets import load, names
from sweeps.spec import parse_text
from sweeps.support import refuse


def test_quickstart_is_shipped() -> None:
    assert "quickstart" in names()


@pytest.mark.parametrize("name", names())
def test_every_preset_parses_passes_the_checks_and_has_something_to_run(name: str) -> None:
    spec = parse_text(load(name))
    check(spec)
    refuse(spec)
    assert plan(spec).trials > 0
    assert plan(spec).refused_count == 0


def test_an_unknown_preset_names_the_nearest() -> None:
    with pytest.raises(SpecError, match="'quickstart'"):
        load("quickstrat")
    with pytest.raises(SpecError, match="There are: "):
        load("../../etc/passwd")
