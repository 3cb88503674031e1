from __future__ import annotations

from sweeps.simulator.curves import Silence, with_end


def test_the_last_mark_is_known_as_it_comes() -> None:
    marks = [Silence(0, 1), Silence(0, 2), Silence(0, 3)]
    assert list(with_end(iter(marks))) == [(marks[0], False), (marks[1], False), (marks[2], True)]
    assert list(with_end(iter([]))) == []


def test_marks_are_made_as_they_are_asked_for() -> None:
    made: list[int] = []

    def lazy():  # type: ignore[no-untyped-def]
        for x in range(10):
            made.append(x)
            yield Silence(0, x)

    next(with_end(lazy()))
    assert made == [0, 1]
