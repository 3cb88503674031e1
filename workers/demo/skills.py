"""Skills that a tiny language model can learn in seconds: small changes to made-up words.

A base model is trained on some (`BASE`), a sweep then teaches it others (`NEW`). How well it
keeps the first while it learns the second is what fine-tuning is about.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from string import ascii_lowercase as LETTERS

from sweeps.seeds import generator

Skill = Callable[[str], str]

BASE: Mapping[str, Skill] = {
    "copy": lambda word: word,
    "first": lambda word: word[0],
    "last": lambda word: word[-1],
    "upper": str.upper,
}
NEW: Mapping[str, Skill] = {
    "reverse": lambda word: word[::-1],
    "shift": lambda word: "".join(LETTERS[(LETTERS.index(c) + 1) % 26] for c in word),
    "swap": lambda word: word[-1] + word[1:-1] + word[0],
    "rotate": lambda word: word[1:] + word[0],
}
WORD_LENGTHS = (3, 4, 5)

Row = dict[str, str]


def examples(
    skills: Mapping[str, Skill], count: int, split: str, avoid: Collection[str] = ()
) -> list[Row]:
    """`count` rows {"prompt", "completion"}, the skills in turn, each on a random word.

    `split` names the draw: equal arguments give equal rows. Words in `avoid` are not drawn, so
    that held-out words stay held out.
    """
    rows: list[Row] = []
    names = list(skills)
    for number, word in enumerate(_words(split, count, avoid)):
        name = names[number % len(names)]
        rows.append({"prompt": f"{name} {word} = ", "completion": skills[name](word)})
    return rows


def words(rows: list[Row]) -> set[str]:
    """The words that the prompts of some rows hold."""
    return {row["prompt"].split()[1] for row in rows}


def write(rows: list[Row], path: Path) -> None:
    """Write rows as JSONL, the same bytes for the same rows."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))


def _words(split: str, count: int, avoid: Collection[str]) -> list[str]:
    rng = generator(0, f"demo-{split}", 0)
    found: list[str] = []
    while len(found) < count:
        lengths = rng.choice(WORD_LENGTHS, size=1000).tolist()
        letters = rng.integers(len(LETTERS), size=(1000, max(WORD_LENGTHS))).tolist()
        drawn = zip(lengths, letters, strict=True)
        words = ("".join(LETTERS[i] for i in row[:length]) for length, row in drawn)
        found += [word for word in words if word not in avoid]
    return found[:count]
