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
from tests.chaos.run import Plan, chaos
from tests.chaos.specs import Size


def main() -> int:
    """0 when nothing was lost, duplicated or different."""
    words = argparse.ArgumentParser(prog="python -m tests.chaos", description=__doc__)
    words.add_argument("--seed", type=int, default=1)
    words.add_argument("--each", type=int, default=2, help="how often every fault hits, a scene")
    words.add_argument("--trials", type=int, default=Size.trials)
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
        verdict = chaos(Plan(given.seed, given.each, size), folder, say)
        within = {kind: verdict.hits_sharing[kind] for kind in AIMS}
        say("hits: " + ", ".join(f"{kind} {verdict.hits[kind]}" for kind in AIMS))
        say("in a shared first phase: " + ", ".join(f"{k} {n}" for k, n in within.items() if n))
        say(verdict.line)
    return 0 if verdict.tally.clean else 1


if __name__ == "__main__":
    sys.exit(main())
