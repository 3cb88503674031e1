"""How often confirmation declares a winner: of configurations that are alike, and of one that is
better. The tables of docs/ranking.md: `python -m benchmarks.null_sweeps`."""

from __future__ import annotations

import sys
from collections.abc import Sequence

import numpy as np

from sweeps.contest import Entrant, apart

REPETITIONS = 20_000


def declared(
    means: Sequence[float], spreads: Sequence[float], seeds: int, repetitions: int, seed: int = 0
) -> tuple[float, float]:
    """The share of comparisons with a winner, and with the first configuration as the winner.

    Runs are normal with these means (less is better) and standard deviations.
    """
    rng = np.random.default_rng(seed)
    shape = (repetitions, seeds, len(means))
    runs = (np.asarray(means) + np.asarray(spreads) * rng.standard_normal(shape)).transpose(0, 2, 1)
    won = first = 0
    for finals in runs.tolist():
        entrants = [Entrant(tuple(values)) for values in finals]
        best = min(entrants, key=lambda one: one.mean)
        if all(one is best or apart(best, one) for one in entrants):
            won += 1
            first += best is entrants[0]
    return won / repetitions, first / repetitions


def main(repetitions: int = REPETITIONS) -> None:
    """Print both tables as markdown."""
    print("| alike | seeds | spread | winner declared |\n|---|---|---|---|")
    for many, seeds in ((2, 2), (2, 3), (2, 5), (3, 2), (3, 3), (3, 5), (5, 3)):
        rate, _ = declared([0.0] * many, [1.0] * many, seeds, repetitions)
        print(f"| {many} | {seeds} | equal | {rate:.3f} |")
    for spreads in ((1, 5), (1, 1, 5), (1, 5, 5)):
        rate, _ = declared([0.0] * len(spreads), spreads, 3, repetitions)
        print(f"| {len(spreads)} | 3 | {' : '.join(map(str, spreads))} | {rate:.3f} |")
    rate, _ = declared([0, 0, 90], [5, 5, 1], 3, repetitions)
    print(f"| 2, and one far worse | 3 | 5 : 5 : 1 | {rate:.3f} |")
    print("\n| compared | seeds | 1 | 2 | 3 | 5 | 10 |\n|---|---|---|---|---|---|---|")
    for many, seeds in ((2, 2), (2, 3), (3, 2), (3, 3), (3, 5)):
        shares = [
            declared([0.0, *[gap] * (many - 1)], [1.0] * many, seeds, repetitions)[1]
            for gap in (1.0, 2.0, 3.0, 5.0, 10.0)
        ]
        print(f"| {many} | {seeds} | {' | '.join(f'{share:.2f}' for share in shares)} |")


if __name__ == "__main__":
    main(*(int(word) for word in sys.argv[1:]))
