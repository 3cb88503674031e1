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
from sweeps.sft_parameters import UNBUILT_OPTIONS, is_eight_bits
from sweeps.spec import Body, SweepSpec


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
        "/spec/workload/adapter/type",
        lambda body: _is("qlora", body.workload.adapter and body.workload.adapter.type),
        "QLoRA (nothing of it has run on a device here)",
        "Write lora; the base then has its full precision.",
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
)


def _is(wanted: str, value: Any) -> Any:
    return value if value == wanted else None


def _eight_bits(body: Body) -> Any:
    optim = body.workload.options.get("optim") if body.workload.recipe == "sft" else None
    return optim if is_eight_bits(optim) else None


def _option(name: str, missing: str, mend: str) -> Row:
    """An option of the built-in recipe; what the options of others mean, they say."""
    return Row(
        f"/spec/workload/options/{name}",
        lambda body: body.workload.options.get(name) if body.workload.recipe == "sft" else None,
        missing,
        mend,
    )


def _compiled_on_several(body: Body) -> Any:
    several = body.workload.recipe == "sft" and (body.resources.gpus_per_trial or 0) > 1
    return body.workload.options.get("torch_compile") or None if several else None


OPTIONS = (
    *(_option(name, *told) for name, told in UNBUILT_OPTIONS.items()),
    Row(
        "/spec/workload/options/optim",
        _eight_bits,
        "optimizers with states of 8 bits (nothing of it has run on a device here)",
        "Write adamw_torch_fused, or take it out.",
    ),
    Row(
        "/spec/workload/options/torch_compile",
        _compiled_on_several,
        "torch.compile of a model that is divided over several GPUs",
        "Take it out, or write resources.gpus_per_trial: 1.",
    ),
)


def refuse(spec: SweepSpec) -> None:
    """Raise UnsupportedError naming every field that asks for something not built."""
    faults = [
        Fault(row.pointer, shorten(value), f"{row.missing}: not built in this version", row.mend)
        for row in (*ROWS, *OPTIONS)
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
