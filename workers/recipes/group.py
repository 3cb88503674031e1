"""A world of several processes: a torch.distributed group that lives as long as they do.

It is made once for a set of ranks, not once a trial, so there is none to leak: a set that lost a
rank, or whose trial broke, is ended as a whole (`workers.tune.team`).
"""

from __future__ import annotations

import os
import sys
from datetime import timedelta
from pathlib import Path

import torch
import torch.distributed as dist
from torch._C._distributed_c10d import FileStore
from torch.distributed.device_mesh import DeviceMesh, init_device_mesh

from workers.recipes.world import Said, World

# A rank may wait for the verdict of a driver that is away for days. Whether the others live is not
# for a timeout to find out: who started the ranks watches their processes.
_PATIENCE = timedelta(days=30)
# Of gradients and weights: a rank that lives and does not come within this is stuck.
_STUCK = timedelta(minutes=30)
# All ranks of a trial are on one machine: nothing of theirs is to be heard outside it.
_LOOPBACK = "lo0" if sys.platform == "darwin" else "lo"


class Group(World):
    """The ranks that meet at one file. Words go over gloo; weights and gradients over nccl between
    GPUs, else over gloo too."""

    def __init__(self, rank: int, size: int, meeting: Path, device: str = "cpu") -> None:
        """Join. `meeting` is a file that nobody has used yet, in a folder that all ranks see.

        Returns when all are there; raises RuntimeError when one does not come.
        """
        self.rank, self.size = rank, size
        os.environ |= {"GLOO_SOCKET_IFNAME": _LOOPBACK, "NCCL_SOCKET_IFNAME": _LOOPBACK}
        dist.init_process_group(
            "nccl" if device == "cuda" else "gloo",
            store=FileStore(str(meeting), size),
            rank=rank,
            world_size=size,
            timeout=_STUCK,
        )
        # For what is said, and for what goes to disk: never for what is on a device.
        self.words = dist.new_group(backend="gloo", timeout=_PATIENCE)
        self.mesh: DeviceMesh = init_device_mesh(device, (size,))

    def tell(self, said: Said) -> Said:
        box = [said]
        dist.broadcast_object_list(box, src=0, group=self.words)
        return box[0]

    def sum(self, *numbers: float) -> tuple[float, ...]:
        tensor = torch.tensor(numbers, dtype=torch.float64)
        dist.all_reduce(tensor, group=self.words)
        return tuple(tensor.tolist())

    def most(self, number: int) -> int:
        tensor = torch.tensor(number, dtype=torch.int64)
        dist.all_reduce(tensor, dist.ReduceOp.MAX, group=self.words)
        return int(tensor)

    def wait(self) -> None:
        dist.barrier(group=self.words)
