"""Randomness that depends on what is drawn, never on what was drawn before."""

from __future__ import annotations

import zlib

import numpy as np


def generator(seed: int, purpose: str, number: int) -> np.random.Generator:
    """The generator for draw `number` of `purpose`, e.g. (7, "random-search", 12).

    Equal arguments give equal streams in every process and after every crash, so a draw can be
    repeated without replaying the ones before it.
    """
    entropy = [seed, zlib.crc32(purpose.encode()), number]
    return np.random.Generator(np.random.PCG64(np.random.SeedSequence(entropy)))
