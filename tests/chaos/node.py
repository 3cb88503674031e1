"""A second node of a loopback Ray: `python -m tests.chaos.node ADDRESS CPUS`, until it is ended.

Does what `ray start --address=ADDRESS --block` does. That command refuses a Ray that keeps to
loopback, because another machine could not join it; another node on this machine can.
"""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

from ray._private.node import Node
from ray._private.parameter import RayParams


def main() -> int:
    """Start the node; returns when one of its processes has ended."""
    address, cpus = sys.argv[1:]
    # Left to itself Ray takes the first names that are free, and two nodes that start at once take
    # the same ones: the raylet that comes second dies, which its node notices after 30 s.
    sockets = {
        f"{name}_socket_name": str(Path.cwd() / f"{name}.{os.getpid()}")
        for name in ("raylet", "plasma_store")
    }
    params = RayParams(
        **sockets,
        gcs_address=address,
        node_ip_address="127.0.0.1",
        num_cpus=int(cpus),
        num_gpus=0,
        object_store_memory=128 << 20,
        include_log_monitor=False,
    )
    node = Node(params, head=False, shutdown_at_exit=True, spawn_reaper=True)
    print(f"node {node.unique_id} joined {address}", flush=True)
    while not node.dead_processes():
        time.sleep(0.2)
    print(f"ended: {node.dead_processes()}", flush=True)
    return 1


if __name__ == "__main__":
    sys.exit(main())
