"""One trial on several devices: a process a device, all in the trial's own placement group.

`RankedTrainable` holds no device: it starts the ranks, passes Ray's calls on to rank 0 (which runs
`TrialTrainable`, as a trial on one device does) and watches all of them. The ranks stay warm from
trial to trial. One that dies or raises ends the attempt at once, whatever the others wait for, and
the whole set with it: what is left of a torch.distributed group is of no use.
"""

from __future__ import annotations

import logging
from typing import Any

from ray import tune

from workers.order import AttemptOrder
from workers.tune.team import Team
from workers.tune.trainable import AttemptError

log = logging.getLogger(__name__)


class RankedTrainable(tune.Trainable):  # type: ignore[misc]
    """`TrialTrainable` over several processes. Nothing is started before the first `step`."""

    def setup(self, config: dict[str, Any]) -> None:
        """Remember the order."""
        self._config, self._begun = config, False
        self._team: Team | None = None

    def step(self) -> dict[str, Any]:
        """What rank 0 says next. Raises AttemptError when any rank raised or was lost."""
        if self._team is None:
            self._team = Team(AttemptOrder.model_validate_json(self._config["order"]))
        if not self._begun:
            self._begun = True
            self._team.begin(self._config)
        return self._team.lead("step")

    def save_checkpoint(self, checkpoint_dir: str) -> dict[str, Any]:
        """Ray saves only to pause: all ranks write one checkpoint, and the attempt ends."""
        del checkpoint_dir  # our checkpoints lie in the trial's own folder
        if self._team is None or not self._begun:
            return {}
        self._begun = False
        return self._team.lead("save")

    def load_checkpoint(self, checkpoint: dict[str, Any] | None) -> None:
        """Nothing to do: an attempt finds its own checkpoint."""

    def reset_config(self, new_config: dict[str, Any]) -> bool:
        """End the attempt before; the next order goes to the same warm ranks.

        Raises RuntimeError when the ranks broke meanwhile: Ray then takes another actor.
        """
        if self._team is not None and self._begun:
            try:
                self._team.lead("stop")
            except AttemptError as error:
                log.warning("the ranks broke while a trial was stopped:\n%s", error.text)
                raise RuntimeError("the attempt before broke the ranks of this trial") from None
        self._config, self._begun = new_config, False
        return True

    def cleanup(self) -> None:
        """End the attempt, if one runs, and the ranks."""
        team, self._team = self._team, None
        if team is None or team.closed:
            return
        try:
            team.lead("stop")
        except AttemptError as error:
            log.warning("the ranks broke while they were ended:\n%s", error.text)
        team.close()
