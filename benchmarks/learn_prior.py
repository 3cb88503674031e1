"""Learns the prior of `early_dynamics` from folders of recorded curves (DESIGN's format).

    python -m benchmarks.learn_prior FOLDER... [--out FILE]

The prior that is shipped was made by this command from the sets named in docs/pruning.md.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from sweeps.backtest.learning import learned
from sweeps.simulator.folders import read_groups

SHIPPED = Path(__file__).parents[1] / "sweeps/pruners/early_dynamics/prior.json"


def main() -> None:
    """Read, learn, write."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("folders", nargs="+", type=Path)
    parser.add_argument("--out", type=Path, default=SHIPPED)
    parser.add_argument("--min-trials", type=int, default=6)
    asked = parser.parse_args()
    groups = [group for folder in asked.folders for group in read_groups(folder, asked.min_trials)]
    prior = learned(groups)
    asked.out.write_text(prior.model_dump_json(indent=1) + "\n")
    print(f"{asked.out}: {len(groups)} sweeps of {prior.problems} problems")


if __name__ == "__main__":
    main()
