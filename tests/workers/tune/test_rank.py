"""A rank outside of Ray; how several go together is test_team's and test_ranks'."""

from __future__ import annotations

from typing import Any

import pytest

from workers.tune.rank import Rank
from workers.tune.trainable import AttemptError


class Trainable:
    """Says what it was asked; `breaks` is raised by whatever is asked next."""

    breaks: AttemptError | None = None

    def __init__(self) -> None:
        self.asked: list[str] = []

    def step(self) -> dict[str, Any]:
        return self._hear("step")

    def save_checkpoint(self, _: str) -> dict[str, Any]:
        return self._hear("save")

    def cleanup(self) -> None:
        self._hear("cleanup")

    def reset_config(self, config: dict[str, Any]) -> bool:
        return bool(self._hear(f"reset to {config['order']}"))

    def _hear(self, asked: str) -> dict[str, Any]:
        self.asked.append(asked)
        if self.breaks is not None:
            raise self.breaks
        return {"kind": asked}


@pytest.fixture
def made() -> Trainable:
    return Trainable()


@pytest.fixture
def rank(made: Trainable) -> Rank:
    """Rank 0 of two, warm from an earlier attempt."""
    rank = Rank(0, 2)
    rank._trainable = made  # type: ignore[assignment]
    return rank


def test_a_warm_rank_takes_the_next_order_and_leads(rank: Rank, made: Trainable) -> None:
    rank.begin({"order": "the next"})
    assert [rank.lead(call) for call in ("step", "save", "stop")] == [
        {"kind": "step"},
        {"kind": "save"},
        {},
    ]
    assert made.asked == ["reset to the next", "step", "save", "cleanup"]


@pytest.mark.parametrize("call", ["step", "save", "stop"])
def test_what_the_attempt_raises_is_an_answer(rank: Rank, made: Trainable, call: str) -> None:
    made.breaks = AttemptError("it broke", fatal=True, lost=False)
    answer = {"kind": "failed", "error": "it broke", "fatal": True, "lost": False}
    assert rank.lead(call) == answer
