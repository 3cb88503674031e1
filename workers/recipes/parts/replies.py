"""Greedy replies of a model in batches with a KV cache, and whether they are the right answer."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from transformers import GenerationConfig, PreTrainedModel, PreTrainedTokenizerBase

from sweeps.errors import Fault, SpecError
from workers.recipes.parts.batches import by_length, pad_left
from workers.recipes.parts.data import Ids, cut_left
from workers.recipes.parts.loss import precision
from workers.recipes.parts.models import positions


@dataclass(frozen=True)
class Generator:
    """Replies of at most `max_new_tokens` tokens, `batch_size` prompts at once."""

    tokenizer: PreTrainedTokenizerBase
    max_new_tokens: int
    batch_size: int
    device: str

    def replies(self, model: PreTrainedModel, prompts: Sequence[Ids]) -> list[str]:
        """The reply to each prompt, in their order, without special tokens: the likeliest token at
        every place, up to an end token.

        A prompt loses its first tokens (not the begin token) when it and its reply would not fit
        into the model. Raises SpecError when no reply of that length fits.
        """
        room = positions(model) - self.max_new_tokens
        if room < 1:
            message = f"the model has {positions(model)} positions, prompt and reply together"
            mend = f"Write at most {positions(model) - 1}."
            pointer = "/spec/evaluation/max_new_tokens"
            raise SpecError([Fault(pointer, str(self.max_new_tokens), message, mend)])
        begin = self.tokenizer.bos_token_id
        # An empty prompt: a reply has to follow something.
        first = self.tokenizer.eos_token_id if begin is None else begin
        cut = [cut_left(prompt.tolist() or [first], room, begin) for prompt in prompts]
        texts = [""] * len(cut)
        for part in by_length([len(prompt) for prompt in cut], self.batch_size):
            found = self._generate(model, [cut[place] for place in part])
            for place, text in zip(part, found, strict=True):
                texts[place] = text
        return texts

    def _generate(self, model: PreTrainedModel, prompts: list[list[int]]) -> list[str]:
        pad = int(self.tokenizer.pad_token_id)
        ids, mask = pad_left(prompts, pad, self.device)
        config = GenerationConfig(
            do_sample=False,
            use_cache=True,
            max_new_tokens=self.max_new_tokens,
            eos_token_id=_end_tokens(model, self.tokenizer),
            pad_token_id=pad,
        )
        with _no_habits(model), precision(self.device), torch.no_grad():
            # A rank that has all weights generates alone; by itself transformers would wait for the
            # others at every token.
            out = model.generate(
                input_ids=ids, attention_mask=mask, generation_config=config, synced_gpus=False
            )
        texts: list[str] = self.tokenizer.batch_decode(
            out[:, ids.shape[1] :], skip_special_tokens=True
        )
        return texts


def same_answer(reply: str, wanted: str, marker: str | None) -> bool:
    """True when both say the same up to white space. With a marker only what follows its last
    occurrence counts, and a reply without it is wrong."""
    if marker is not None and marker in wanted:
        if marker not in reply:
            return False
        reply, wanted = reply.rpartition(marker)[2], wanted.rpartition(marker)[2]
    return reply.split() == wanted.split()


def _end_tokens(model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase) -> list[int]:
    """What ends a reply: the tokenizer's end token and those that the model's makers named."""
    named = model.generation_config.eos_token_id
    ids = named if isinstance(named, list) else [] if named is None else [named]
    return sorted({int(tokenizer.eos_token_id), *ids})


@contextmanager
def _no_habits(model: PreTrainedModel) -> Iterator[None]:
    """`generate` fills gaps of a config from the model's own (repetition penalty and such): what
    it then writes is not the likeliest token any more."""
    habits = model.generation_config
    model.generation_config = GenerationConfig()
    try:
        yield
    finally:
        model.generation_config = habits
