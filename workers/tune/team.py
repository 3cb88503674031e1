"""The ranks of a trial as their watcher sees them: asked, awaited, and ended together."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NoReturn

import ray
from ray.exceptions import ActorDiedError, RayError
from ray.util.placement_group import get_current_placement_group

from workers.order import AttemptOrder
from workers.tune.rank import failure, start_rank
from workers.tune.trainable import AttemptError

# How long the ranks may take to start and to find each other.
START_SECONDS = 300.0
# How long the others may take to end once rank 0 has: they do so at the same step.
END_SECONDS = 60.0
# Errors that follow from a death may be heard before the death itself.
LISTEN_SECONDS = 1.0


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
        self._ranks = [start_rank(rank, group) for rank in range(order.ranks)]
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
            answer = failure(str(error), fatal=False, lost=False)
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


def _died(ref: ray.ObjectRef) -> bool:
    ready, _ = ray.wait([ref], timeout=0)
    if not ready:
        return False  # it lives, and is at work
    try:
        ray.get(ref)
    except ActorDiedError:
        return True
    return False
