"""Several examples end to end in one row, without padding, none of which sees another.

TRL calls it padding-free, and packing when rows are filled up to a length. Attention runs example
by example: its cost is the sum of the squared lengths, where one dense block mask over the row
would cost the square of the sum. It is torch's own `scaled_dot_product_attention`, so it works
wherever that does; flash-attn is not used.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from transformers import AttentionInterface, AttentionMaskInterface, PreTrainedModel
from transformers.integrations.sdpa_attention import sdpa_attention_forward
from transformers.masking_utils import sdpa_mask

from sweeps.errors import Fault, SpecError

ATTENTION = "sdpa_by_segment"
# A mask of four dimensions is taken as finished, so transformers builds none for the row.
FINISHED_MASK = (1, 1, 1, 1)
# What attention may be given beside queries, keys and values, and what `_attend` cannot do.
_UNKNOWN = ("softcap", "position_bias", "s_aux", "cache")
# How far back attention looks, by configuration; shorter than an example it is not plain causal.
_WINDOWS = ("sliding_window", "attention_chunk_size")


def pack(lengths: Sequence[int], tokens: int) -> list[list[int]]:
    """Places 0 ... len(lengths) - 1 in rows of at most `tokens` tokens: first fit, longest first.

    One that is longer than `tokens` gets a row of its own.
    """
    rows: list[list[int]] = []
    room: list[int] = []
    for place in sorted(range(len(lengths)), key=lambda place: -lengths[place]):
        fits = (row for row, left in enumerate(room) if lengths[place] <= left)
        if (row := next(fits, None)) is None:
            rows.append([place])
            room.append(tokens - lengths[place])
        else:
            rows[row].append(place)
            room[row] -= lengths[place]
    return rows


def positions(segments: Sequence[int]) -> torch.Tensor:
    """Position ids of a row of segments, int64 of shape (1, tokens): each starts at 0."""
    return torch.cat([torch.arange(length) for length in segments])[None]


def choose_packing(model: PreTrainedModel, asked: bool | None, longest: int) -> bool:
    """Whether this trial packs, and set the model's attention up for it.

    `asked` is the option `packing`; None packs where the model can. Raises SpecError when it is
    asked for and the model cannot.
    """
    if asked is False:
        # Only where the trial before packed: a model may have another attention, and no sdpa.
        if model.config._attn_implementation == ATTENTION:
            _attend_with(model, "sdpa")
        return False
    reason = why_not(model, longest)
    if reason is None:
        _attend_with(model, ATTENTION)
        return True
    if asked:
        pointer = "/spec/workload/options/packing"
        message = f"this model cannot keep packed examples apart: {reason}"
        raise SpecError([Fault(pointer, "true", message, "Write packing: false.")])
    return False


def why_not(model: PreTrainedModel, longest: int) -> str | None:
    """Why the model cannot be trained on packed rows of examples of up to `longest` tokens.

    Tried on the model itself: of two packed examples each must be given the logits that it gets
    alone. Leaves weights, mode, attention and random numbers as they were.
    """
    config = model.config.get_text_config()
    if model.config._attn_implementation not in ("sdpa", ATTENTION):
        return f"its attention is {model.config._attn_implementation}, not sdpa"
    for name in _WINDOWS:
        if isinstance(window := getattr(config, name, None), int) and window < longest:
            return f"its attention looks back {window} tokens only"
    size, device = min(64, int(config.vocab_size)), model.device
    row = torch.arange(13, device=device) * 5 % size
    try:
        with _trying(model):
            together = model(row[None], **packed_inputs((6, 7), device)).logits[0]
            apart = [model(x[None], use_cache=False).logits[0] for x in torch.split(row, [6, 7])]
    except (TypeError, ValueError, RuntimeError, NotImplementedError) as error:
        return f"it fails with {type(error).__name__}: {error}"
    alone = torch.cat(apart)
    # By the spread of the logits: in single precision the two differ by 1e-6 of it.
    off = float((together - alone).abs().max() / alone.abs().max().clamp_min(1e-6))
    return None if off < 1e-2 else f"their logits differ by {off:.2g} of their size"


def packed_inputs(segments: tuple[int, ...], device: torch.device | str) -> dict[str, Any]:
    """What the model's forward needs beside the ids of one row of `segments`."""
    return {
        "position_ids": positions(segments).to(device),
        "attention_mask": torch.ones(FINISHED_MASK, dtype=torch.bool, device=device),
        "segments": segments,
        "use_cache": False,
    }


@contextmanager
def _trying(model: PreTrainedModel) -> Iterator[None]:
    training, before = model.training, model.config._attn_implementation
    model.eval()
    _attend_with(model, ATTENTION)
    try:
        with torch.no_grad():
            yield
    finally:
        _attend_with(model, before)
        model.train(training)


def _attend_with(model: PreTrainedModel, name: str) -> None:
    if model.config._attn_implementation != name:
        model.set_attn_implementation(name)


def _attend(
    module: torch.nn.Module,
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    attention_mask: torch.Tensor | None,
    dropout: float = 0.0,
    scaling: float | None = None,
    segments: tuple[int, ...] | None = None,
    **others: Any,
) -> tuple[torch.Tensor, None]:
    """Attention as transformers calls it: tensors of (batch, heads, tokens, width) in, the result
    as (batch, tokens, heads, width) out. Without `segments` it is the usual one."""
    if segments is None:
        found: tuple[torch.Tensor, None] = sdpa_attention_forward(
            module, query, key, value, attention_mask, dropout=dropout, scaling=scaling, **others
        )
        return found
    if strange := [name for name in _UNKNOWN if others.get(name) is not None]:
        raise NotImplementedError(f"attention with {', '.join(strange)}")
    queries, keys, values = (torch.split(x, list(segments), dim=2) for x in (query, key, value))
    parts = [
        torch.nn.functional.scaled_dot_product_attention(
            q, k, v, dropout_p=dropout, scale=scaling, is_causal=True, enable_gqa=True
        )
        for q, k, v in zip(queries, keys, values, strict=True)
    ]
    return torch.cat(parts, dim=2).transpose(1, 2).contiguous(), None


AttentionInterface.register(ATTENTION, _attend)
AttentionMaskInterface.register(ATTENTION, sdpa_mask)
