"""Adapters and frozen layers: what a spec says of them that some trial would not read."""

from __future__ import annotations

from collections.abc import Iterator

from sweeps.adapters import OF_ADAPTERS
from sweeps.errors import Fault
from sweeps.faults import pointer, shorten
from sweeps.sft_parameters import ADAPTERS, FULL
from sweeps.space import Choice
from sweeps.spec import Adapter, SweepSpec
from sweeps.trial import ParamValue

_PARAMETERS = "/spec/parameters"
# `trainable_fraction` freezes layers of the model; under an adapter the whole of it is frozen.
_OF_FULL = ("trainable_fraction",)


def adapter_faults(spec: SweepSpec) -> list[Fault]:
    """Parameters without the adapter they belong to, values that are said twice, and an adapter
    for a recipe of the operator's, whose parameters are its own."""
    if spec.spec.workload.recipe != "sft":
        return _of_others(spec)
    return [*_unread(spec), *_unread_rows(spec), *_said_twice(spec)]


def _of_others(spec: SweepSpec) -> list[Fault]:
    block, recipe = spec.spec.workload.adapter, spec.spec.workload.recipe
    if block is None:
        return []
    message = f"only the built-in recipe sft reads it, and this one is {recipe}"
    mend = "Take it out, and say it in workload.options, as that recipe reads it."
    return [Fault("/spec/workload/adapter", shorten(block.type), message, mend)]


def _unread(spec: SweepSpec) -> list[Fault]:
    """Axes that some trial has and does not read."""
    faults, kinds = [], _kinds(spec)
    for name, axis in spec.spec.parameters.axes.items():
        if axis.when and OF_ADAPTERS.keys() & axis.when.keys():
            # It is there where the one it depends on is, and that one is looked at itself.
            continue
        wanted = axis.when.get("adapter", kinds) if axis.when else kinds
        listed = wanted if isinstance(wanted, list) else [wanted]
        unread = [kind for kind in kinds if kind in listed and not _reads(kind, name)]
        if unread:
            faults.append(_fault(f"{_PARAMETERS}/{name}", name, unread, len(kinds) > 1))
    return faults


def _unread_rows(spec: SweepSpec) -> Iterator[Fault]:
    kinds = _kinds(spec)
    for index, row in enumerate(spec.spec.parameters.paired):
        here = [row["adapter"]] if "adapter" in row else kinds
        for name in row:
            unread = [kind for kind in here if not _reads(kind, name)]
            if unread:
                place = pointer(["spec", "parameters", "paired", index, name])
                yield _fault(place, name, unread, len(kinds) > 1)


def _said_twice(spec: SweepSpec) -> Iterator[Fault]:
    """A block's value that every trial replaces with its own."""
    block, space = spec.spec.workload.adapter, spec.spec.parameters
    for name, field in {**OF_ADAPTERS, "adapter": "type"}.items():
        axis = space.axes.get(name)
        always = name in space.names and (axis is None or axis.when is None)
        if block is None or not always:
            continue
        value = getattr(block, field)
        if field == "type" or value != Adapter.model_fields[field].default:
            message = f"the parameter {name} says it for every trial"
            mend = "Write it in one of the two places."
            yield Fault(f"/spec/workload/adapter/{field}", shorten(value), message, mend)


def _kinds(spec: SweepSpec) -> list[ParamValue]:
    """Every adapter that some trial may have, `full` among them."""
    space, block = spec.spec.parameters, spec.spec.workload.adapter
    axis = space.axes.get("adapter")
    found = list(axis.values) if isinstance(axis, Choice) else []
    found += [row["adapter"] for row in space.paired if "adapter" in row]
    if not found or (axis is not None and axis.when is not None):
        found.append(block.type if block else FULL)
    return list(dict.fromkeys(found))


def _reads(kind: ParamValue, name: str) -> bool:
    if name in OF_ADAPTERS:
        return kind != FULL
    return kind == FULL if name in _OF_FULL else True


def _fault(place: str, name: str, unread: list[ParamValue], mixed: bool) -> Fault:
    kinds = ", ".join(map(str, unread))
    message = f"trials with adapter {kinds} do not read it"
    if name in _OF_FULL:
        mend = f"when: {{adapter: {FULL}}}" if mixed else ""
        return Fault(place, name, message, f"Write {mend}." if mend else "Take it out.")
    if mixed:
        return Fault(place, name, message, f"Write when: {{adapter: [{', '.join(ADAPTERS)}]}}.")
    mend = "Write workload.adapter: {type: lora}, or take it out."
    return Fault(place, name, "there is no adapter; full fine-tuning does not read it", mend)
