"""A tokenizer: the model's own, one from a folder, or a byte-level BPE trained on the data."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import AutoTokenizer, PreTrainedTokenizerBase, PreTrainedTokenizerFast

from sweeps.errors import Fault, SpecError
from sweeps.faults import shorten

PAD, BOS, EOS, TURN = SPECIAL = ["<|pad|>", "<|bos|>", "<|eos|>", "<|turn|>"]
# One special token opens a turn, one closes it; the reply of the model ends with the closing one.
CHAT_TEMPLATE = (
    "{{ bos_token }}{% for message in messages %}"
    "<|turn|>{{ message['role'] }}\n{{ message['content'] }}{{ eos_token }}\n"
    "{% endfor %}{% if add_generation_prompt %}<|turn|>assistant\n{% endif %}"
)


def train_tokenizer(texts: Iterable[str], vocab_size: int) -> PreTrainedTokenizerBase:
    """A byte-level BPE with at most `vocab_size` entries (at least 260: the bytes and 4 specials).

    The same texts in the same order give the same tokenizer.
    """
    bpe = Tokenizer(models.BPE())
    bpe.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    bpe.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=vocab_size,
        special_tokens=SPECIAL,
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
        show_progress=False,
    )
    bpe.train_from_iterator(texts, trainer)
    return PreTrainedTokenizerFast(
        tokenizer_object=bpe,
        pad_token=PAD,
        bos_token=BOS,
        eos_token=EOS,
        chat_template=CHAT_TEMPLATE,
    )


def load_tokenizer(name: str, folder: Path | None, pointer: str) -> PreTrainedTokenizerBase:
    """The tokenizer of a local folder, or of the hub id `name` when there is no folder.

    A tokenizer without a pad token pads with its end token (padding is masked everywhere).
    Raises SpecError naming `pointer`.
    """
    try:
        tokenizer = AutoTokenizer.from_pretrained(folder or name, trust_remote_code=False)
    except (OSError, ValueError) as error:
        mend = "Name a folder that holds tokenizer.json, or a hub id that can be reached."
        fault = Fault(pointer, shorten(name), f"its tokenizer cannot be loaded: {error}", mend)
        raise SpecError([fault]) from error
    if tokenizer.eos_token_id is None:
        mend = "Set eos_token in its tokenizer_config.json."
        raise SpecError([Fault(pointer, shorten(name), "its tokenizer has no end token", mend)])
    if tokenizer.pad_token_id is None:
        tokenizer.pad_token = tokenizer.eos_token
    return tokenizer
