"""The one table of what a spec may ask for and this version has not built. Later work deletes rows.

Nothing is accepted and ignored: a field is read by the code that runs sweeps, or refused here.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from sweeps.checks.texts import REMOTE, scheme_of, sources
from sweeps.errors import Fault, UnsupportedError
from sweeps.faults import pointer, shorten
from sweeps.spec import Body, Phased, SweepSpec


@dataclass(frozen=True)
class Row:
    """One thing that is not built: where it stands, when a spec asks for it, what to do instead.

    `asked` returns the value that asks for it, None when the spec does not.
    """

    pointer: str
    asked: Callable[[Body], Any]
    missing: str
    mend: str


ROWS = (
    Row(
        "/spec/workload/adapter",
        lambda body: body.workload.adapter and body.workload.adapter.type,
        "adapters (LoRA and its kin)",
        "Take it out to fine-tune all weights.",
    ),
    Row(
        "/spec/workload/strategy",
        lambda body: "phased" if isinstance(body.workload.strategy, Phased) else None,
        "the phased strategy",
        "Write strategy: stacked.",
    ),
    Row(
        "/spec/pruning/history",
        lambda body: getattr(body.pruning, "history", False) or None,
        "learning from past sweeps (they hold only the finals that a pruner let be finished)",
        "Take it out; the pruner learns within the sweep.",
    ),
    Row(
        "/spec/budget/gpu_hours",
        lambda body: body.budget.gpu_hours,
        "a budget of GPU-hours",
        "Take it out; limit the sweep with budget.trials and horizon.",
    ),
    Row(
        "/spec/budget/wall_clock",
        lambda body: body.budget.wall_clock,
        "a limit on wall-clock time",
        "Take it out; limit the sweep with budget.trials and horizon.",
    ),
    Row(
        "/spec/resources/gpus_per_trial",
        lambda body: gpus if (gpus := body.resources.gpus_per_trial or 0) > 1 else None,
        "trials on several GPUs",
        "Write 1 (or a share of one GPU); accumulation still makes up the global batch.",
    ),
)


def refuse(spec: SweepSpec) -> None:
    """Raise UnsupportedError naming every field that asks for something not built."""
    faults = [
        Fault(row.pointer, shorten(value), f"{row.missing}: not built in this version", row.mend)
        for row in ROWS
        if (value := row.asked(spec.spec)) is not None
    ]
    faults += _remote(spec)
    if faults:
        raise UnsupportedError(faults)


def _remote(spec: SweepSpec) -> list[Fault]:
    """Models and data behind fsspec URLs."""
    return [
        Fault(
            pointer(place),
            shorten(name),
            f"reading {scheme_of(name)}:// addresses: not built in this version",
            "Bring it under a data root of the pool and write its path, or write a hub id.",
        )
        for place, name in sources(spec)
        if scheme_of(name) in REMOTE
    ]
