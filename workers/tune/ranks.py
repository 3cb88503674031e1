"""One trial on several devices: a process a device, all in the trial's own placement group.

`RankedTrainable` holds no device: it starts the ranks, passes Ray's calls on to rank 0 (which runs
`TrialTrainable`, as a trial on one device does) and watches all of them. The ranks stay warm from
trial to trial. One that dies or raises ends the attempt at once, whatever the others wait for, and
the whole set with it: what is left of a torch.distributed group is of no use.
"""

from __future__ import annotations

import logging
import math
import os
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NoReturn

import ray
from ray import tune
from ray.exceptions import ActorDiedError, RayError
from ray.util.placement_group import get_current_placement_group
from ray.util.scheduling_strategies import PlacementGroupSchedulingStrategy

from workers.order import AttemptOrder
from workers.runner import Runner
from workers.tune.trainable import CACHE, AttemptError, TrialTrainable, has_worn, limit_threads

log = logging.getLogger(__name__)
# What the process that only watches takes of the first rank's cores: Ray wants a share for every
# bundle, and a trial may ask for all that a node has.
WATCHER_CPUS = 0.01
# Ray counts in steps of so many to a core.
_STEPS = 10_000
# How long the ranks may take to start and to find each other.
START_SECONDS = 300.0
# How long the others may take to end once rank 0 has: they do so at the same step.
END_SECONDS = 60.0
# Errors that follow from a death may be heard before the death itself.
LISTEN_SECONDS = 1.0


def rank_bundles(resources: Mapping[str, float], ranks: int) -> tune.PlacementGroupFactory:
    """The placement group of a trial: the watcher, then a bundle a rank, all on one node.

    `resources` are those of the whole trial ({"cpu": 8, "gpu": 4}), some CPU among them; the
    bundles never ask for more.
    """
    share = {kind.upper(): _even(amount, ranks) for kind, amount in resources.items() if amount}
    watcher = min(WATCHER_CPUS, _even(share["CPU"], 2))
    first = {**share, "CPU": round(share["CPU"] - watcher, 4)}
    bundles = [{"CPU": watcher}, first, *[share] * (ranks - 1)]
    return tune.PlacementGroupFactory(bundles, strategy="STRICT_PACK")


def _even(amount: float, parts: int) -> float:
    """`amount` in equal parts of whole steps, which sum up to no more than it."""
    return math.floor(round(amount / parts * _STEPS, 3)) / _STEPS


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


class Rank:
    """One process of a trial, on one device. Rank 0 leads, the others follow."""

    def __init__(self, rank: int, size: int) -> None:
        self._rank, self._size = rank, size
        self._trainable: TrialTrainable | None = None

    def join(self, meeting: str, device: str) -> int:
        """Meet the others; the process id. Returns when all are there."""
        from workers.recipes.group import Group  # torch: the watcher imports this module too

        self._world = Group(self._rank, self._size, Path(meeting), device)
        return os.getpid()

    def begin(self, config: dict[str, Any]) -> None:
        """Rank 0: take the order for an attempt."""
        if self._trainable is None:
            self._trainable = TrialTrainable(config)
            self._trainable.world = self._world
        else:
            self._trainable.reset_config(config)

    def lead(self, call: str) -> dict[str, Any]:
        """Rank 0: `step`, `save` (and end the attempt) or `stop`, as TrialTrainable answers it."""
        made = self._trainable
        assert made is not None  # noqa: S101 - for the type checker
        try:
            if call == "stop":
                made.cleanup()
                return {}
            result: dict[str, Any] = made.step() if call == "step" else made.save_checkpoint("")
            return result
        except AttemptError as error:
            return _failure(error.text, error.fatal, error.lost)

    def here(self) -> None:
        """Answers when it lives and is not at work."""

    def follow(self, config: dict[str, Any]) -> dict[str, Any]:
        """The others: run an attempt to where rank 0 ends it. Says how it ended here, and whether
        this process has grown too much to be kept."""
        order = AttemptOrder.model_validate_json(config["order"])
        limit_threads(order)
        said = Runner(order, _Silence(), CACHE, self._world).to_its_end()
        if said.kind == "failed":
            return _failure(said.error or "", said.fatal, said.lost)
        return {"kind": said.kind, "worn": has_worn(order)}


class Team:
    """The ranks of one trial after the other, as their watcher sees them. What one of them raises,
    and the death of one, ends them all, and is an AttemptError of whatever was asked."""

    def __init__(self, order: AttemptOrder) -> None:
        """Start them and wait until they have met."""
        # They meet at a file in it, and gloo and nccl look into that whenever a channel is opened.
        self._folder = Path(tempfile.mkdtemp(prefix="sweepctl-ranks-"))
        self._pids: dict[int, int] = {}
        self.closed = False
        group = get_current_placement_group()
        self._ranks = [_start(rank, group) for rank in range(order.ranks)]
        # What the ranks that follow answer at the end of an attempt, and what they have answered.
        self._following: dict[int, ray.ObjectRef] = {}
        self._ended: list[dict[str, Any]] = []
        meeting, device = str(self._folder / "meeting"), order.device
        joining = {r: a.join.remote(meeting, device) for r, a in enumerate(self._ranks)}
        self._pids = self._answers(joining, START_SECONDS)

    def begin(self, config: dict[str, Any]) -> None:
        """Give the ranks the order for an attempt; the others run as far as rank 0 lets them."""
        leader, *others = self._ranks
        self._answers({0: leader.begin.remote(config)}, START_SECONDS)
        self._ended = []
        self._following = {r: a.follow.remote(config) for r, a in enumerate(others, start=1)}

    def lead(self, call: str) -> dict[str, Any]:
        """What rank 0 answers to `step`, `save` or `stop`. After its last answer all ranks have
        ended the attempt, and are ready for the next."""
        answer: dict[str, Any] = self._answers({0: self._ranks[0].lead.remote(call)})[0]
        if call == "step" and answer["kind"] != "finished":
            return answer
        following, self._following = self._following, {}
        ended = [answer, *self._ended, *self._answers(following, END_SECONDS).values()]
        return {**answer, "worn": any(said.get("worn") for said in ended)}

    def close(self) -> None:
        """End all processes of the team."""
        self.closed = True
        for actor in self._ranks:
            ray.kill(actor)
        shutil.rmtree(self._folder, ignore_errors=True)

    def _answers(
        self, asked: Mapping[int, ray.ObjectRef], seconds: float | None = None
    ) -> dict[int, Any]:
        """What the asked ranks answer, by rank. Those that follow are watched meanwhile."""
        answers: dict[int, Any] = {}
        while missing := {rank: ref for rank, ref in asked.items() if rank not in answers}:
            done, _ = ray.wait([*missing.values(), *self._following.values()], timeout=seconds)
            if not done:
                self._break(f"{self._name(min(missing))} did not answer within {seconds:g} s.")
            for rank, ref in missing.items():
                if ref in done:
                    answers[rank] = self._get(rank, ref)
            for rank, ref in list(self._following.items()):
                if ref in done:
                    self._ended.append(self._get(rank, ref))
                    del self._following[rank]
        return answers

    def _get(self, rank: int, ref: ray.ObjectRef) -> Any:
        """Raises AttemptError: for a rank that died first of all, for what follows from a death is
        often heard before it."""
        try:
            answer = ray.get(ref)
        except ActorDiedError:
            self._break(self._gone(rank))
        except RayError as error:
            answer = _failure(str(error), fatal=False, lost=False)
        if isinstance(answer, dict) and answer.get("kind") == "failed":
            dead = self._dead(rank)
            if dead is not None:
                self._break(self._gone(dead))
            self.close()
            text = f"On rank {rank} of {len(self._ranks)}:\n{answer['error']}"
            raise AttemptError(text, answer["fatal"], answer["lost"])
        return answer

    def _dead(self, but: int) -> int | None:
        """The first other rank that is dead, or dies within a moment."""
        asked = {r: a.here.remote() for r, a in enumerate(self._ranks) if r != but}
        ray.wait(list(asked.values()), num_returns=len(asked), timeout=LISTEN_SECONDS)
        return next((rank for rank, ref in asked.items() if _died(ref)), None)

    def _break(self, text: str) -> NoReturn:
        self.close()
        raise AttemptError(text, fatal=False, lost=True)

    def _gone(self, rank: int) -> str:
        return (
            f"{self._name(rank)} is gone: it was killed, or its machine had no memory left for it. "
            "The other ranks were ended with it."
        )

    def _name(self, rank: int) -> str:
        pid = f" (process {self._pids[rank]})" if rank in self._pids else ""
        return f"Rank {rank} of the trial's {len(self._ranks)}{pid}"


class _Silence:
    """The metric log of a rank that is not the first: all ranks would say the same."""

    def append(self, step: int, metrics: Mapping[str, float]) -> None:
        """Nothing."""


def _start(rank: int, group: Any) -> Any:
    """A rank in its own bundle of the trial's placement group."""
    bundle = group.bundle_specs[rank + 1]
    place = PlacementGroupSchedulingStrategy(group, placement_group_bundle_index=rank + 1)
    made = ray.remote(Rank).options(
        num_cpus=bundle.get("CPU", 0), num_gpus=bundle.get("GPU", 0), scheduling_strategy=place
    )
    return made.remote(rank, len(group.bundle_specs) - 1)


def _failure(error: str, fatal: bool, lost: bool) -> dict[str, Any]:
    """An AttemptError as an answer: Ray would wrap an exception in one of its own."""
    return {"kind": "failed", "error": error, "fatal": fatal, "lost": lost}


def _died(ref: ray.ObjectRef) -> bool:
    ready, _ = ray.wait([ref], timeout=0)
    if not ready:
        return False  # it lives, and is at work
    try:
        ray.get(ref)
    except ActorDiedError:
        return True
    return False
