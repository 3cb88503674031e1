"""What makes the costs of two trials comparable: model, sequence length, adapter, device."""

from __future__ import annotations

import hashlib
import json

from sweeps.adapters import adapter_of
from sweeps.spec import Adapter, Workload
from sweeps.trial import Params
from sweeps.wire import Wire


class CostKey(Wire):
    """`model` is a digest of what the workload names, `adapter` in words (`full` without one).

    `setup` is a digest of what else decides how much memory a step takes: recipe, options, share of
    trained layers, devices that share a trial. `device` is `cpu`, or the name that CUDA gives it.
    """

    model: str
    max_length: int
    adapter: str
    setup: str
    device: str

    def weighs_like(self, other: CostKey) -> bool:
        """True when equal micro-batches take equal memory."""
        return self.model_copy(update={"max_length": other.max_length}) == other

    def runs_like(self, other: CostKey) -> bool:
        """True when it is the same model on the same device."""
        return (self.model, self.device) == (other.model, other.device)

    def likeness(self, other: CostKey) -> int:
        """How many of adapter, set-up and length they share."""
        names = ("adapter", "setup", "max_length")
        return sum(getattr(self, name) == getattr(other, name) for name in names)


def cost_key(workload: Workload, params: Params, device: str, devices: int = 1) -> CostKey:
    """The key of one configuration on one kind of device, of which it has `devices`: those that
    share a trial hold less of it each."""
    own = workload.recipe == "sft"
    plain = workload.model_dump(mode="json", include={"model", "recipe", "options"})
    setup = [plain["recipe"], plain["options"], params.get("trainable_fraction", 1), devices]
    return CostKey(
        model=_digest([plain["recipe"], plain["model"]]),
        max_length=workload.max_length,
        # Of another recipe's parameters nobody knows which make an adapter.
        adapter=_told(adapter_of(workload, params) if own else workload.adapter),
        setup=_digest(setup),
        device=device,
    )


def _told(adapter: Adapter | None) -> str:
    if adapter is None:
        return "full"
    modules = adapter.target_modules
    where = modules if isinstance(modules, str) else ",".join(sorted(modules))
    return f"{adapter.type} r={adapter.r} {where}"


def _digest(plain: object) -> str:
    return hashlib.sha256(json.dumps(plain, sort_keys=True).encode()).hexdigest()
