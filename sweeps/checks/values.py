"""Names, types and ranges of parameters."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from sweeps.errors import Fault
from sweeps.faults import nearest, pointer, shorten
from sweeps.phases import phase_parameters
from sweeps.sft_parameters import SFT_PARAMETERS, Parameter
from sweeps.space import Choice, Range
from sweeps.spec import SweepSpec
from sweeps.trial import ParamValue

# Read by every run, whatever its recipe: they fix its steps and its warmup.
OF_EVERY_RUN = ("global_batch_size", "warmup_steps", "warmup_ratio")

# Names that people bring along, and where what they mean is written.
ELSEWHERE = {
    "batch_size": "Write global_batch_size, the samples of one optimizer step.",
    "train_batch_size": "Write global_batch_size, the samples of one optimizer step.",
    "lr": "Write learning_rate.",
    "scheduler": "Write lr_scheduler_type.",
    "lr_scheduler": "Write lr_scheduler_type.",
    "per_device_train_batch_size": (
        "It does not change results: write it under spec.resources, and global_batch_size here."
    ),
    "gradient_accumulation_steps": "It follows from global_batch_size; leave it out.",
    "num_train_epochs": "Write it as spec.horizon: {epochs: N}; all trials share one horizon.",
    "epochs": "Write it as spec.horizon: {epochs: N}; all trials share one horizon.",
    "max_steps": "Write spec.horizon: {samples: N}; all trials see equal data, not equal steps.",
    "max_length": "Write it under spec.workload.",
    "max_seq_length": "Write spec.workload.max_length.",
    "model": "Write it under spec.workload; one sweep has one model.",
    "model_name_or_path": "Write spec.workload.model; one sweep has one model.",
    "r": "Write lora_r.",
    "rank": "Write lora_r.",
    "lora_rank": "Write lora_r.",
    "alpha": "Write lora_alpha.",
    "target_modules": "Write lora_target_modules.",
    "use_peft": "Write adapter: {values: [full, lora]}, or workload.adapter: {type: lora}.",
    "use_rslora": "Write adapter: {values: [rslora]}, or workload.adapter: {type: rslora}.",
    "use_dora": "Write adapter: {values: [dora]}, or workload.adapter: {type: dora}.",
    "gradient_checkpointing": "Write it under spec.workload.options; results do not depend on it.",
    "torch_compile": "Write it under spec.workload.options.",
    "optim": "Write it under spec.workload.options.",
}

_EXAMPLES = {"global_batch_size": "16", "learning_rate": "1e-5", "adam_epsilon": "1e-8"}
_EXAMPLES |= {"adam_beta1": "0.9", "adam_beta2": "0.999", "max_grad_norm": "1.0"}
_EXAMPLES |= {"lora_r": "16", "lora_alpha": "32", "lora_target_modules": "all-linear"}
_EXAMPLES |= {"trainable_fraction": "0.5"}

_ONE_PHASE = re.compile(r"^phase\d+_")
_NAME = re.compile(r"^[A-Za-z0-9_][A-Za-z0-9_./ -]{0,199}\Z")
# MLflow keeps 6,000 characters of a parameter; a word that long is a mistake anyway.
_LONGEST = 500

Valued = tuple[list[str | int], str, ParamValue]


def value_faults(spec: SweepSpec) -> list[Fault]:
    """Unknown parameters of `sft`, and values that a parameter cannot have."""
    known = {**SFT_PARAMETERS, **phase_parameters(spec.spec.workload)}
    if spec.spec.workload.recipe != "sft":
        known = {name: known[name] for name in OF_EVERY_RUN}
    faults = _unknown(spec, known) if spec.spec.workload.recipe == "sft" else _unnameable(spec)
    for place, name, value in _listed(spec):
        if isinstance(value, str) and len(value) > _LONGEST:
            message = f"is longer than {_LONGEST} characters"
            faults.append(Fault(pointer(place), shorten(value), message, "Shorten it."))
            continue
        rule = known.get(name)
        wrong = rule.fault(value) if rule else None
        if rule is not None and wrong is not None:
            faults.append(_value(place, name, value, rule, wrong))
    for name, axis in spec.spec.parameters.axes.items():
        if isinstance(axis, Range) and name in known:
            faults += _range(name, axis, known[name])
    return faults


def _unknown(spec: SweepSpec, known: Mapping[str, Parameter]) -> list[Fault]:
    space = spec.spec.parameters
    places: list[tuple[list[str | int], str]] = [
        (["spec", "parameters", name], name) for name in space.axes
    ]
    for name in space.paired[0] if space.paired else ():
        places.append((["spec", "parameters", "paired", 0, name], name))
    return [
        Fault(
            pointer(place),
            shorten(name),
            f"the recipe sft has no parameter '{name}'",
            meant(name, list(known)),
        )
        for place, name in places
        if name not in known
    ]


def _unnameable(spec: SweepSpec) -> list[Fault]:
    """Names that a tracker cannot keep; a recipe of the operator's may have any others."""
    return [
        Fault(
            pointer(["spec", "parameters"]),
            shorten(name),
            "is no name of a parameter",
            "Use letters, digits and _ . / - or a blank, at most 200.",
        )
        for name in spec.spec.parameters.names
        if not _NAME.match(name)
    ]


def meant(name: str, known: list[str]) -> str:
    """The mend for an unknown parameter: where it belongs, what it is near, or what there is."""
    if name in ELSEWHERE:
        return ELSEWHERE[name]
    close = nearest(name, known)
    return f"Did you mean '{close}'?" if close else f"Known: {', '.join(known)}."


def _listed(spec: SweepSpec) -> Iterator[Valued]:
    """Every value written out, with its place. One value alone may stand under `value`, so its
    place is the axis."""
    space = spec.spec.parameters
    for name, axis in space.axes.items():
        place: list[str | int] = ["spec", "parameters", name]
        values = axis.values if isinstance(axis, Choice) else []
        for index, value in enumerate(values):
            yield (place if len(values) == 1 else [*place, "values", index]), name, value
    for row, cell in enumerate(space.paired):
        for name, value in cell.items():
            yield ["spec", "parameters", "paired", row, name], name, value


def _value(
    place: list[str | int], name: str, value: ParamValue, rule: Parameter, wrong: str
) -> Fault:
    mend = "Write one of those."
    if rule.kind != "str":
        mend = f"Write e.g. {_EXAMPLES.get(_ONE_PHASE.sub('', name), '0')}."
    if isinstance(value, str) and rule.kind in ("int", "float") and _number(value):
        mend = f"Write it without quotes: {value}"
    return Fault(pointer(place), shorten(value), f"{name} {wrong}", mend)


def _range(name: str, axis: Range, rule: Parameter) -> list[Fault]:
    place = ["spec", "parameters", name]
    if rule.kind in ("str", "modules"):
        some = ", ".join(rule.choices[:2]) or _EXAMPLES[name]
        mend = f"List some of them: {{values: [{some}]}}."
        message = f"{name} is a word, not a number"
        return [Fault(pointer([*place, "distribution"]), shorten(axis.distribution), message, mend)]
    if rule.kind == "int" and axis.distribution != "int_uniform":
        message = f"{name} must be a whole number"
        mend = "Use distribution: int_uniform, or list values."
        return [Fault(pointer([*place, "distribution"]), shorten(axis.distribution), message, mend)]
    whole = axis.distribution == "int_uniform"
    ends = {"min": axis.min, "max": axis.max}
    return [
        Fault(pointer([*place, end]), shorten(value), f"{name} {wrong}", f"Change {end}.")
        for end, value in ends.items()
        if (wrong := rule.fault(int(value) if whole else value))
    ]


def _number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
