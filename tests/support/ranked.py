"""Several ranks in processes of their own, as a test asks for them; gloo, no Ray."""

from __future__ import annotations

import multiprocessing
import traceback
import weakref
from collections.abc import Callable
from multiprocessing.connection import Connection
from multiprocessing.connection import wait as wait_for
from pathlib import Path
from typing import Any

import torch
from recipe_support import RecordingLink, make_run
from torch.distributed.tensor import Shard, distribute_tensor

from sweeps.spec import Workload
from workers.recipes.context import Paused, Stopped
from workers.recipes.group import Group
from workers.recipes.parts.files import load_tensors, save_tensors, save_whole
from workers.recipes.parts.slices import cut, own, whole
from workers.recipes.sft import run, run_untrained
from workers.recipes.world import World
from workers.upkeep import Upkeep

Job = Callable[..., Any]
_SECONDS = 200.0


def on_ranks(size: int, folder: Path, job: Job, *arguments: Any) -> list[Any]:
    """What `job(world, *arguments)` returns on each of `size` ranks. Raises what one raised."""
    context = multiprocessing.get_context("forkserver")
    # Imported once, and every rank is forked from there.
    context.set_forkserver_preload(["workers.recipes.sft"])
    folder.mkdir(parents=True, exist_ok=True)
    meeting = folder / "meeting"
    pipes = [context.Pipe(duplex=False) for _ in range(size)]
    ranks = [
        context.Process(target=_rank, args=(rank, size, meeting, pipe, job, arguments))
        for rank, (_, pipe) in enumerate(pipes)
    ]
    for process in ranks:
        process.start()
    try:
        return _collect([read for read, _ in pipes])
    finally:
        meeting.unlink(missing_ok=True)
        for process in ranks:
            process.kill()
            process.join()


def _collect(pipes: list[Connection]) -> list[Any]:
    said: dict[int, Any] = {}
    while len(said) < len(pipes):
        ready = wait_for([p for n, p in enumerate(pipes) if n not in said], timeout=_SECONDS)
        assert ready, "a rank hangs"
        for pipe in ready:
            assert isinstance(pipe, Connection)
            error, said[pipes.index(pipe)] = pipe.recv()
            assert error is None, error
    return [said[rank] for rank in range(len(pipes))]


def _rank(
    rank: int, size: int, meeting: Path, pipe: Connection, job: Job, arguments: tuple[Any, ...]
) -> None:
    torch.set_num_threads(1)
    try:
        pipe.send((None, job(Group(rank, size, meeting), *arguments)))
    except BaseException:
        pipe.send((traceback.format_exc(), None))
        raise


def trial(
    world: World,
    folder: Path,
    name: str,
    stop: Any = None,
    untrained: bool = False,
    **asked: Any,
) -> dict[str, Any]:
    """One attempt at a tiny trial on the data in `folder`, and everything that it told; `stop` is
    an order and the samples that it is given after, `untrained` wants the base model measured."""
    link = RecordingLink(*stop) if stop else RecordingLink()
    job = make_run(folder, trial=name, link=link, world=world, **asked)
    try:
        (run_untrained if untrained else run)(job.context)
    except Paused:
        ended = "paused"
    except Stopped:
        ended = "stopped"
    else:
        ended = "finished"
    return {
        "ended": ended,
        "steps": job.context.steps_done,
        "entries": [e for e in job.log.entries if "loss" in e[1]],
        "evals": [e for e in job.log.entries if "eval_loss" in e[1]],
        "reports": job.link.reports,
    }


def talk(world: World, folder: Path) -> dict[str, Any]:
    """A few words between the ranks."""
    (folder / f"mark-{world.rank}").touch()
    world.wait()
    return {
        "rank": world.rank,
        "told": world.tell({"from": world.rank}),
        "sum": world.sum(1 + world.rank, (2**53 - 1) * (1 - world.rank) + world.rank),
        "most": world.most(world.rank),
        "marks": len(list(folder.glob("mark-*"))),
    }


def fail_on_one(world: World) -> None:
    """Rank 1 raises while rank 0 waits for it."""
    if world.rank == 1:
        raise ValueError("rank 1 as told")
    world.wait()


def trials(world: World, folder: Path, asked: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """One attempt after the other in warm ranks."""
    cache: dict[str, Any] = {}
    return [trial(world, folder, **{"cache": cache, **each}) for each in asked]


def shapes(world: World, folder: Path, workloads: list[Workload]) -> list[int]:
    """A trial of each in a warm rank; how many of the divided models are alive after each."""
    cache: dict[str, Any] = {}
    made: weakref.WeakSet[Any] = weakref.WeakSet()
    alive, upkeep = list[int](), Upkeep()
    for number, workload in enumerate(workloads):
        asked: dict[str, Any] = {"workload": workload, "horizon": 4, "points": 1, "cache": cache}
        trial(world, folder, f"shape-{number}", **asked)
        made.add(cache["sft.divided"].model)
        upkeep.worn(2**40)
        alive.append(len(made))
    return alive


def slice_up(world: Group, folder: Path, rows: int) -> dict[str, Any]:
    """A tensor divided over the ranks by its first dimension: its slices, all of it, and what comes
    back from disk, of slices and of one file."""
    full = torch.arange(rows * 2.0).reshape(rows, 2)
    room = distribute_tensor(torch.zeros(rows, 2), world.mesh, [Shard(0)])
    own(room).copy_(cut(full, room))
    tensors = {"a": room, "step": torch.tensor(7.0)}
    save_tensors(tensors, folder, "moments", world)
    save_whole(tensors, folder, "one", world)
    world.wait()
    found = load_tensors(folder, "moments", world, lambda _, size: _room(world, size))
    one = load_tensors(folder, "one", world, lambda _, size: _room(world, size))
    assert torch.equal(own(one["a"]), own(found["a"]))
    return {
        "own": own(room).tolist(),
        "whole": whole(room).tolist(),
        "back": own(found["a"]).tolist(),
        "count": found["step"].item(),
    }


def _room(world: Group, size: torch.Size) -> torch.Tensor:
    if not size:
        return torch.zeros(size)
    return distribute_tensor(torch.zeros(size), world.mesh, [Shard(0)])
