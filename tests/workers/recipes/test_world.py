from __future__ import annotations

from pathlib import Path

from workers.recipes.world import ALONE


def test_alone_every_word_is_its_own() -> None:
    assert (ALONE.rank, ALONE.size, ALONE.first) == (0, 1, True)
    assert ALONE.tell(Path("a")) == Path("a")
    assert ALONE.sum(1.5, 2) == (1.5, 2)
    assert ALONE.most(-3) == -3
    ALONE.wait()
