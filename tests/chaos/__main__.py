"""`python -m tests.chaos`, with tests/support on PYTHONPATH: the full run of `make chaos`.

Its last line counts faults and findings.
"""

from __future__ import annotations

import argparse
import signal
import sys
import tempfile
from pathlib import Path

from tests.chaos.faults import AIMS
from tests.chaos.run import chaos
from tests.chaos.specs import Size
from tests.chaos.storm import Plan

# Each kind is hit as often as every other: at least this many faults of each.
EACH = 3


def main() -> int:
    """0 when as many faults hit as were wanted, and nothing was lost, duplicated or different."""
    words = argparse.ArgumentParser(prog="python -m tests.chaos", description=__doc__)
    words.add_argument("--seed", type=int, default=1)
    words.add_argument("--faults", type=int, default=48)
    words.add_argument("--trials", type=int, default=24)
    words.add_argument("--step-seconds", type=float, default=Size.step_seconds)
    words.add_argument("--folder", type=Path, help="where logs and data stay; default: a new one")
    given = words.parse_args()
    folder = given.folder or Path(tempfile.mkdtemp(prefix="sweeps-chaos-"))
    folder.mkdir(parents=True, exist_ok=True)
    # Like Ctrl-C, so that every part is ended.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    print(f"seed {given.seed}; logs in {folder}", flush=True)
    with (folder / "chaos.log").open("w") as log:

        def say(line: str) -> None:
            print(line, flush=True)
            print(line, file=log, flush=True)

        size = Size(trials=given.trials, step_seconds=given.step_seconds)
        verdict = chaos(Plan(given.seed, given.faults, size), folder, say)
        say("hits: " + ", ".join(f"{kind} {verdict.hits[kind]}" for kind in AIMS))
        say(verdict.line)
    few = [kind for kind in AIMS if verdict.hits[kind] < EACH]
    if given.faults >= EACH * len(AIMS) and few:
        print(f"too few faults of: {', '.join(few)}", file=sys.stderr)
        return 1
    return 0 if verdict.tally.clean else 1


if __name__ == "__main__":
    sys.exit(main())
