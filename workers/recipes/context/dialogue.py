"""What a run says to its driver, and how it obeys the answers."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from sweeps.trial import Report
from workers.recipes.context.orders import Link, Order, Paused, Stopped
from workers.recipes.context.progress import Progress
from workers.recipes.context.reports import Reports
from workers.recipes.context.saving import Saver
from workers.recipes.world import World


class Dialogue:
    """Rank 0 asks the driver, and its answer goes to all, so that none waits for another that left.

    `report` and `pulse` raise Stopped, or Paused after saving.
    """

    def __init__(
        self, link: Link, world: World, reports: Reports, saver: Saver, progress: Progress
    ) -> None:
        self._link, self._world, self._reports = link, world, reports
        self._saver, self._progress = saver, progress

    def pulse(self) -> None:
        """A step that nobody has to judge."""
        self._obey(self._answer(partial(self._link.pulse, self._progress.samples)))

    def report(self, *reports: Report) -> None:
        """Report, and remember a report as unheard in every checkpoint until it is heard."""
        self._reports.unheard += reports
        while self._reports.unheard:
            order = self._answer(partial(self._link.report, self._reports.unheard[0]))
            if order is Order.LEAVE:
                self._obey(Order.PAUSE)
            self._reports.heard()
            self._obey(order)

    def _answer(self, ask: Callable[[], Order]) -> Order:
        order = ask() if self._world.first else Order.GO_ON
        if order is Order.GO_ON and self._saver.old():
            order = Order.SAVE
        return self._world.tell(order)

    def _obey(self, order: Order) -> None:
        if order is Order.STOP:
            raise Stopped
        if order in (Order.PAUSE, Order.SAVE):
            self._saver.checkpoint(self._progress.step)
        if order is Order.PAUSE:
            raise Paused
