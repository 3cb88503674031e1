from __future__ import annotations

import subprocess
import sys

import pytest
from stories import HORIZON, Script, make_spec

from sweeps.searchers import SEARCHERS, make_searcher


@pytest.mark.parametrize("name", sorted(SEARCHERS))
def test_every_name_leads_to_a_searcher(name: str) -> None:
    spec = make_spec(method={"type": name}, budget={"trials": 2})
    body = make_searcher(spec, HORIZON).ask(Script().story)
    assert body is not None
    assert body.trial == 0


def test_a_method_without_a_rule_is_a_mistake_of_the_code(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(SEARCHERS, "cmaes")
    with pytest.raises(KeyError):
        make_searcher(make_spec(method={"type": "cmaes"}), HORIZON)


def test_reading_a_spec_loads_no_rule() -> None:
    """The service reads specs; it must not pay for what only searching and pruning need."""
    code = (
        "import sys, sweeps.spec, sweeps.support, sweeps.checks\n"
        "rules = ('grid', 'random', 'optuna_search', 'median', 'never')\n"
        "found = [m for m in sys.modules if m.startswith('sweeps.') and m.endswith(rules)]\n"
        "print(found + [m for m in ('optuna', 'scipy', 'torch', 'cmaes') if m in sys.modules])"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"
