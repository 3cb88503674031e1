"""What `doctor` says of checkpoints: what they take on this machine, and what they may come to."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from itertools import chain, islice
from pathlib import Path

from service.client import Client
from service.errors import ServiceError
from sweepctl.checkup import Check
from sweeps.keeping import PER_TRIAL
from sweeps.lifecycle import SweepState

_OPEN = [SweepState.QUEUED, SweepState.RUNNING, SweepState.PAUSED]
# Sweeps that are looked up: more would take the service long.
_MANY = 20
_GIGABYTE = 2**30


def checkpoints(client: Client, kept: Path | None) -> Iterator[Check]:
    """One line for `kept`, the storage of this machine's agent: what checkpoints take there, and
    what sweeps that began there and have not ended may bring that to."""
    if kept is None or not (kept / "sweeps").is_dir():
        return
    took = _bytes(kept / "sweeps")
    found = (
        f"{_gb(took)} in {kept}; a parked trial keeps {PER_TRIAL} checkpoints until its sweep ends"
    )
    try:
        mine = [one.id for one in client.every_sweep(_OPEN) if (kept / "sweeps" / one.id).is_dir()]
        most = [_most(client, sweep) for sweep in islice(mine, _MANY)]
    except ServiceError as error:
        yield Check("checkpoints", f"{found}; {error.detail}")
        return
    known = sum(one or 0 for one in most)
    if most:
        unknown = sum(one is None for one in most)
        told = f"; nothing was measured for {unknown} of them" if unknown else ""
        found += f"; {len(most)} open sweeps may bring it to {_gb(known)}{told}"
    free = shutil.disk_usage(kept).free
    short = known - took - free
    mend = f"make room for {_gb(short)} more, or lower budget.trials" if short > 0 else ""
    yield Check("checkpoints", found, mend)


def _most(client: Client, sweep: str) -> int | None:
    return client.plan(client.get_sweep(sweep).spec).disk_bytes


def _bytes(sweeps: Path) -> int:
    """Of all checkpoints there are, of trials and of shared phases; one may be deleted while it is
    looked at."""
    total = 0
    found = (sweeps.glob(f"*/{under}/**/*") for under in ("trials/*/checkpoints", "phases"))
    for file in chain.from_iterable(found):
        try:
            total += file.stat().st_size if file.is_file() else 0
        except OSError:
            continue
    return total


def _gb(count: float) -> str:
    return f"{count / _GIGABYTE:.3g} GB"
