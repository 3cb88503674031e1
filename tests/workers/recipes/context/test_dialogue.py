from __future__ import annotations

from pathlib import Path

import pytest
from recipe_support import RecordingLink

from sweeps.trial import NOTHING_SEEN, Report
from workers.checkpoints import CheckpointFolder
from workers.recipes.context.dialogue import Dialogue
from workers.recipes.context.orders import Order, Paused, Stopped
from workers.recipes.context.progress import Progress
from workers.recipes.context.reports import Reports
from workers.recipes.context.saving import Saver
from workers.recipes.shared import NOTHING_SHARED
from workers.recipes.world import ALONE, World

REPORT = Report(point=1, samples=8, step=2, window=NOTHING_SEEN)


class Talk:
    """A run at its second step, which hears `order` whatever it says."""

    def __init__(
        self, folder: Path, order: Order, *, seconds: float = 600, world: World = ALONE
    ) -> None:
        self.link, self.reports, self.saves = RecordingLink(order), Reports(known=0), 0
        own = CheckpointFolder(folder)
        saver = Saver(own, NOTHING_SHARED, world, seconds, self.reports.dump)
        saver.save = self._save
        progress = Progress(step=2, samples=8)
        self.dialogue = Dialogue(self.link, world, self.reports, saver, progress)

    def _save(self, draft: Path) -> None:
        self.saves += 1


@pytest.mark.parametrize("order", [Order.GO_ON, Order.SAVE])
def test_it_goes_on_and_saves_where_it_is_told_to(tmp_path: Path, order: Order) -> None:
    run = Talk(tmp_path, order)
    run.dialogue.report(REPORT)
    run.dialogue.pulse()
    assert (run.link.reports, run.link.pulses) == ([REPORT], [8])
    assert (run.reports.told, run.reports.unheard) == ([REPORT], [])
    assert run.saves == (2 if order is Order.SAVE else 0)


def test_it_saves_when_its_checkpoint_is_old(tmp_path: Path) -> None:
    run = Talk(tmp_path, Order.GO_ON, seconds=0)
    run.dialogue.pulse()
    assert run.saves == 1


def test_a_stop_ends_it_unsaved(tmp_path: Path) -> None:
    run = Talk(tmp_path, Order.STOP)
    with pytest.raises(Stopped) as caught:
        run.dialogue.report(REPORT)
    assert (caught.type, run.saves, run.reports.told) == (Stopped, 0, [REPORT])


@pytest.mark.parametrize(("order", "heard"), [(Order.PAUSE, True), (Order.LEAVE, False)])
def test_a_pause_saves_first_and_a_report_that_nobody_heard_stays_unheard(
    tmp_path: Path, order: Order, heard: bool
) -> None:
    run = Talk(tmp_path, order)
    with pytest.raises(Paused):
        run.dialogue.report(REPORT)
    assert run.saves == 1
    assert (run.reports.told, run.reports.unheard) == (([REPORT], []) if heard else ([], [REPORT]))


class Second(World):
    """Rank 1, where rank 0 says `said`."""

    rank, size = 1, 2

    def __init__(self, said: Order) -> None:
        self._said = said

    def tell(self, said: object) -> Order:  # type: ignore[override]
        return self._said


def test_another_rank_does_not_ask_and_obeys_what_rank_0_heard(tmp_path: Path) -> None:
    run = Talk(tmp_path, Order.GO_ON, world=Second(Order.STOP))
    with pytest.raises(Stopped):
        run.dialogue.report(REPORT)
    assert run.link.reports == []
