"""Which weights a trial of the `sft` recipe trains: those of an adapter, or the model's own."""

from __future__ import annotations

from collections.abc import Mapping

from sweeps.sft_parameters import ALL_LINEAR, FULL
from sweeps.spec import Adapter, Workload
from sweeps.trial import Params, ParamValue

# A parameter of a configuration (TRL's name) and the field of the adapter block (peft's name) that
# it replaces.
OF_ADAPTERS: Mapping[str, str] = {
    "lora_r": "r",
    "lora_alpha": "lora_alpha",
    "lora_dropout": "lora_dropout",
    "lora_target_modules": "target_modules",
}
# How many times its rank an adapter's alpha is by default, as in TRL (16 and 32).
ALPHA_OF_RANK = 2


def adapter_of(workload: Workload, params: Params) -> Adapter | None:
    """The adapter of one configuration, whole; None for full fine-tuning.

    What the configuration names counts, then the workload's block, then the defaults.
    """
    block = workload.adapter
    kind = params.get("adapter", block.type if block else FULL)
    if kind == FULL:
        return None
    fields: dict[str, object] = {**(block.model_dump() if block else {}), "type": kind}
    fields |= {
        field: _field(name, params[name]) for name, field in OF_ADAPTERS.items() if name in params
    }
    made = Adapter.model_validate(fields)
    alpha = ALPHA_OF_RANK * made.r if made.lora_alpha is None else made.lora_alpha
    return made.model_copy(update={"lora_alpha": float(alpha)})


def _field(name: str, value: ParamValue) -> object:
    """A parameter has one word, where the block has a list: names with commas between."""
    if name != "lora_target_modules" or value == ALL_LINEAR:
        return value
    return [part.strip() for part in str(value).split(",")]
