"""`python -m workers.demo OUT_DIR`: the data and the base model of the quickstart sweep."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from workers.demo.files import is_made


def main() -> int:
    """Make what is missing and print the folder; messages go to stderr."""
    parser = argparse.ArgumentParser(prog="python -m workers.demo", description=__doc__)
    parser.add_argument("folder", type=Path, metavar="OUT_DIR")
    folder: Path = parser.parse_args().folder
    if not is_made(folder):
        print("training the demo's base model (about 20 s)", file=sys.stderr)
        # Heavy: torch and transformers take seconds that a made demo does not need.
        from workers.demo.pretrain import make

        make(folder)
    print(folder)
    return 0


if __name__ == "__main__":
    sys.exit(main())
