"""Between two trials: has this worker grown? One that leaks is replaced before memory runs out."""

from __future__ import annotations

import ctypes
import gc
import sys

import psutil


class Upkeep:
    """Watches the memory of this process from trial to trial.

    After the first trial it holds what is to stay: imports, base weights, their pristine copy,
    tokenised data. That is the level which later trials are measured against.
    """

    def __init__(self) -> None:
        self._level: dict[str, int] = {}

    def worn(self, growth_bytes: int) -> str | None:
        """Call when a trial has ended. Why this worker is to be replaced, None while it need not:
        it holds more than `growth_bytes` above its level, in main memory or on its device."""
        _let_go()
        for place, held in _held().items():
            grown = held - self._level.setdefault(place, held)
            if grown > growth_bytes:
                return f"{place} grew by {grown / 2**20:.0f} MB since the first trial here"
        return None


def _let_go() -> None:
    """Give back what nobody refers to: else it would be counted as held."""
    gc.collect()
    # What is left, torch's and transformers' modules most of it, need not be walked through again:
    # that takes half a second, between any two trials.
    gc.freeze()
    if sys.platform == "linux":
        # glibc keeps freed pages, and how many depends on the order in which they were freed.
        ctypes.CDLL(None).malloc_trim(0)


def _held() -> dict[str, int]:
    """Bytes by place. Tensors on the device, not what torch has cached there for the next ones."""
    held = {"main memory": psutil.Process().memory_info().rss}
    torch = sys.modules.get("torch")  # a recipe without torch has nothing on a device
    if torch is not None and torch.cuda.is_initialized():
        held["device memory"] = int(torch.cuda.memory_allocated())
    return held
