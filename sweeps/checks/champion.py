"""How the winner is registered: is there anything to merge, and weights to merge it with?"""

from __future__ import annotations

from sweeps.errors import Fault
from sweeps.spec import SweepSpec

_AT = "/spec/checkpoints/champion"


def champion_faults(spec: SweepSpec) -> list[Fault]:
    """`merged` where no winner is registered."""
    checkpoints, recipe = spec.spec.checkpoints, spec.spec.workload.recipe
    if checkpoints.champion != "merged":
        return []
    if recipe != "sft":
        message = f"winners of the recipe {recipe} are not registered, only those of sft"
        return [Fault(_AT, "merged", message, "Take it out.")]
    if checkpoints.keep_best == 0:
        message = "keep_best: 0 keeps no weights that could be registered"
        return [Fault(_AT, "merged", message, "Write keep_best: 1, or take it out.")]
    return []
