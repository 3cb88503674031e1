"""Tokenised data on disk: what one process of a node tokenised, every other one reads.

A file's name is the digest of all that its tokens depend on, so that nothing is ever out of date.
It begins with the digest of its own content: a torn or spoiled file is seen, and made anew. How
micro-batches are packed depends on each trial's order of examples; it is done as batches are cut.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import TypeVar

import numpy as np
import transformers
from filelock import FileLock
from numpy.typing import NDArray
from safetensors.numpy import load, save
from transformers import PreTrainedTokenizerBase

from workers.recipes.parts.data import Examples
from workers.recipes.parts.questions import Questions

log = logging.getLogger(__name__)
Tokenised = TypeVar("Tokenised", bound=Examples | Questions)
Arrays = dict[str, NDArray[np.generic]]

# Count it up whenever the same rows give other tokens, or the file another form.
FORM = 1
# What nobody read for so long is deleted.
KEEP_SECONDS = 30 * 86400.0
_DIGEST = hashlib.sha256().digest_size


def entry(tokenizer: PreTrainedTokenizerBase, *depends_on: object) -> str:
    """The name for tokens that this tokenizer made of something: its digest, settings ..."""
    told = [FORM, transformers.__version__, tokenizer_digest(tokenizer), *map(str, depends_on)]
    return hashlib.sha256(json.dumps(told).encode()).hexdigest()


def tokenizer_digest(tokenizer: PreTrainedTokenizerBase) -> str:
    """SHA-256 of the files that a tokenizer is saved as, the chat template among them."""
    digest = hashlib.sha256()
    with tempfile.TemporaryDirectory() as folder:
        tokenizer.save_pretrained(folder)
        for path in sorted(Path(folder).rglob("*")):
            if path.is_file():
                digest.update(f"{path.name} {path.stat().st_size}\n".encode() + path.read_bytes())
    return digest.hexdigest()


def cached(folder: Path | None, name: str, make: Callable[[], Tokenised]) -> Tokenised:
    """The tokens called `name`, from the folder where they are there and whole; else `make` makes
    them, in one process while the others wait, and they are kept.

    Without a folder, or on a disk that is full or may not be written, they are made and not kept.
    """
    if folder is None:
        return make()
    path = folder / f"{name}.safetensors"
    if (found := _read(path)) is not None:
        return found  # type: ignore[return-value]  # what a name depends on says which kind it is
    with ExitStack() as held:
        try:
            folder.mkdir(parents=True, exist_ok=True)
            held.enter_context(FileLock(f"{path}.lock"))
        except OSError as error:
            log.warning("tokenised data is not kept in %s: %s", folder, error)
            return make()
        if (found := _read(path)) is not None:
            return found  # type: ignore[return-value]  # as above
        made = make()
        _keep(path, made)
        return made


def _read(path: Path) -> Examples | Questions | None:
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        return None
    except OSError as error:
        log.warning("%s cannot be read: %s", path, error)
        return None
    if hashlib.sha256(content[_DIGEST:]).digest() != content[:_DIGEST]:
        log.warning("%s is torn; it is made anew", path)
        return None
    with suppress(OSError):  # on a disk that may not be written nothing is dropped either
        os.utime(path)  # it was read: `_drop_old` lets it be
    return _from_arrays(load(content[_DIGEST:]))


def _keep(path: Path, tokens: Examples | Questions) -> None:
    """Write the file whole or not at all. A full disk is no reason not to train."""
    content = save(_to_arrays(tokens))
    draft = path.with_suffix(f".{os.getpid()}.draft")
    try:
        with draft.open("wb") as file:
            file.write(hashlib.sha256(content).digest() + content)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(path)
    except OSError as error:
        log.warning("tokenised data is not kept in %s: %s", path.parent, error)
        with suppress(OSError):  # the disk that refused the one may refuse the other
            draft.unlink(missing_ok=True)
        return
    _drop_old(path.parent)


def _drop_old(folder: Path) -> None:
    oldest = time.time() - KEEP_SECONDS
    try:
        for path in folder.iterdir():
            with suppress(FileNotFoundError):  # another worker was faster
                if path.stat().st_mtime < oldest:
                    path.unlink()
    except OSError as error:
        log.warning("old tokenised data in %s is not deleted: %s", folder, error)


def _to_arrays(tokens: Examples | Questions) -> Arrays:
    examples = tokens.examples if isinstance(tokens, Questions) else tokens
    answers = np.frombuffer(json.dumps(examples.answers).encode(), np.uint8)
    arrays: Arrays = {
        "ids": examples.ids,
        "learnt": examples.learnt,
        "bounds": examples.bounds,
        "answers": answers,
        "dropped": np.array([examples.dropped]),
    }
    if isinstance(tokens, Questions):
        arrays |= {
            "questions": np.array(tokens.bounds, np.int64),
            "sizes": tokens.sizes,
            "right": np.array(tokens.right, np.int64),
        }
    return arrays


def _from_arrays(arrays: Arrays) -> Examples | Questions:
    examples = Examples(
        ids=arrays["ids"].astype(np.int32),
        learnt=arrays["learnt"].astype(np.bool_),
        bounds=arrays["bounds"].astype(np.int64),
        answers=json.loads(arrays["answers"].tobytes()),
        dropped=int(arrays["dropped"][0]),
    )
    if "questions" not in arrays:
        return examples
    sizes = arrays["sizes"].astype(np.float64)
    return Questions(examples, arrays["questions"].tolist(), sizes, arrays["right"].tolist())
