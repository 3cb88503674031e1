"""Writes the files of phased.yaml into a folder: facts to know, skills to learn, some held out.

python docs/examples/phased_data.py FOLDER
"""

from __future__ import annotations

import json
import random
import sys
from collections.abc import Iterator
from pathlib import Path

TOWNS = ["ara", "bel", "cor", "dun", "elm", "fir", "gor", "hil"]


def knowledge(draw: random.Random) -> Iterator[dict[str, str]]:
    """Which river a town lies on: to be known, for nothing in the prompt tells."""
    while True:
        town = draw.choice(TOWNS)
        yield {"prompt": f"river of {town}: ", "completion": TOWNS[TOWNS.index(town) - 3] + "us"}


def skills(draw: random.Random) -> Iterator[dict[str, str]]:
    """A word backwards: to be done, whatever the word."""
    while True:
        word = "".join(draw.choices("abcde", k=4))
        yield {"prompt": f"reverse {word}: ", "completion": word[::-1]}


def main(folder: Path) -> None:
    """knowledge.jsonl and skills.jsonl of 300 rows, and 40 rows of each to evaluate by."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, make in (("knowledge", knowledge), ("skills", skills)):
        rows = make(random.Random(name))
        for file, count in ((f"{name}.jsonl", 300), (f"{name}-eval.jsonl", 40)):
            text = "".join(json.dumps(next(rows)) + "\n" for _ in range(count))
            (folder / file).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
