"""States move here alone, each move as the table allows and told as an event."""

from __future__ import annotations

import ast
from itertools import product
from pathlib import Path

import pytest
from service_support import make_spec
from sqlalchemy.orm import Session

from service.clock import now
from service.errors import IllegalMove
from service.operations import moves
from service.operations.submit import submit
from service.store import events
from sweeps.lifecycle import SWEEP_ENDS, SWEEP_MOVES, SweepState

SERVICE = Path(moves.__file__).parent.parent


def test_every_pair_of_states(session: Session) -> None:
    for was, to in product(SweepState, SweepState):
        sweep, _ = submit(session, make_spec(), None, now())
        sweep.state = was
        if to not in SWEEP_MOVES[was]:
            with pytest.raises(IllegalMove) as refused:
                moves.move(session, sweep, to, now(), "x")
            assert refused.value.extra == {"state": was, "possible": sorted(SWEEP_MOVES[was])}
            assert sweep.state == was
            continue
        moves.move(session, sweep, to, now(), "because")
        (_, told), _ = events.after(session, sweep.id, 0, 10)
        assert told.data == {"state": to, "was": was, "message": "because"}
        assert told.last == (to in SWEEP_ENDS) == (sweep.ended_at is not None)
        assert (sweep.started_at is not None) == (to is SweepState.RUNNING)


def test_nobody_else_writes_a_state() -> None:
    found = [
        f"{path.relative_to(SERVICE)}:{node.lineno}"
        for path in SERVICE.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Attribute)
        and node.attr == "state"
        and isinstance(node.ctx, ast.Store)
    ]
    assert {place.split(":")[0] for place in found} == {"operations/moves.py"}
    assert len(found) == 2
