"""One sweep as it is followed through a storm."""

from __future__ import annotations

from service.errors import ServiceError
from sweeps.journal import Entry
from sweeps.lifecycle import SWEEP_ENDS
from sweeps.spec import SweepSpec
from tests.chaos.outcome import Outcome
from tests.chaos.shared import Shared
from tests.chaos.specs import shared_until
from tests.chaos.tally import Tally, promised
from tests.chaos.world import World


class Watch:
    """Submits a sweep, and remembers what the service acknowledged of it."""

    def __init__(self, world: World, spec: SweepSpec) -> None:
        self._world = world
        world.serve(spec.spec.resources.pool)
        self.id = world.client.create_sweep(spec).id
        if until := shared_until(spec):
            world.shared[self.id] = until
        self.shared = Shared(world.folder / "storage" / "sweeps" / self.id)
        self.seen: list[Entry] = []
        # Priorities that were asked for; those up to `acknowledged` may not be lost.
        self.asked, self.acknowledged = [0], 0

    def over(self) -> bool:
        """Whether the sweep has ended, by the service's word."""
        try:
            return self._world.client.get_sweep(self.id).state in SWEEP_ENDS
        except ServiceError:
            return False

    def look(self) -> None:
        """Read what the journal has, and have a setting changed, if the service answers."""
        client = self._world.client
        try:
            self.seen = list(client.entries(self.id))
            sweep = client.get_sweep(self.id)
            self.asked.append(self.asked[-1] % 100 + 1)
            client.patch_sweep(self.id, sweep.revision, priority=self.asked[-1])
            self.acknowledged = len(self.asked) - 1
        except ServiceError:
            return

    def check(self, found: Outcome, tally: Tally) -> None:
        """Whether all that was acknowledged is still there."""
        promised(self.seen, found, tally)
        # A change whose answer got lost may have been made, or not.
        if found.detail.priority not in self.asked[self.acknowledged :]:
            tally.lost.append(f"priority {self.asked[self.acknowledged]} of {self.id[:8]}")
