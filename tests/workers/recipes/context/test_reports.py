from __future__ import annotations

import pytest

from sweeps.trial import NOTHING_SEEN, Report
from workers.recipes.context.reports import Reports


def report(point: int) -> Report:
    return Report(point=point, samples=8 * point, step=point, window=NOTHING_SEEN)


def points(reports: list[Report]) -> list[int]:
    return [report.point for report in reports]


def saved() -> Reports:
    """Two were heard, a third was not."""
    reports = Reports(known=3)
    reports.unheard += [report(1), report(2), report(3)]
    reports.heard()
    reports.heard()
    return reports


@pytest.mark.parametrize(
    ("known", "told", "unheard"), [(0, [], [1, 2, 3]), (1, [1], [2, 3]), (3, [1, 2], [3])]
)
def test_what_the_journal_does_not_know_is_to_be_said_again(
    known: int, told: list[int], unheard: list[int]
) -> None:
    again = Reports(known)
    again.load(saved().dump())
    assert (points(again.told), points(again.unheard)) == (told, unheard)


def test_of_anothers_only_what_the_journal_does_not_know_is_told_as_ours() -> None:
    reports = Reports(known=2)
    reports.load(saved().dump())
    reports.unheard.append(report(2))
    reports.inherit(24)
    assert (points(reports.told), points(reports.unheard)) == ([1, 2], [3])
    assert {report.inherited for report in reports.told + reports.unheard} == {24}
