"""What a run takes: of its device's memory, and of the disk that checkpoints go to."""

from __future__ import annotations

from pathlib import Path

from sweeps.trial import Footprint, Report
from workers.checkpoints import MANIFEST
from workers.recipes.world import ALONE, World


class Meter:
    """Of one attempt, on the device of one rank. `tokens` are those of its largest micro-batch, 0
    for none.

    What it tells is of all ranks, whose devices may differ: of the one that needed most, and of
    the one that has least. It would be the first to run out.
    """

    def __init__(self, device: str, world: World = ALONE) -> None:
        self._device, self._world = device, world
        self.tokens = self._checkpoint = 0
        self._peak()  # that of an earlier trial in this process is not ours

    def micro_batch(self, tokens: int) -> None:
        """A micro-batch of so many tokens, padding included, goes through the model."""
        self.tokens = max(self.tokens, tokens)

    def saved(self, report: Report, root: Path) -> Report:
        """The last report of a trial whose last checkpoint, if it has any, stands alone in `root`,
        where rank 0 has put it.

        Of the checkpoint, what the recipe wrote counts: the context's own file is small, and as
        long as times have digits.
        """
        # The others may be here while it still tidies up the older ones.
        if self._world.first:
            files = [file for file in root.glob("step-*/**/*") if file.is_file()]
            own = [file for file in files if file.name not in ("context.json", MANIFEST)]
            self._checkpoint = sum(file.stat().st_size for file in own)
        return report.model_copy(update={"footprint": self.footprint()})

    def peak_memory(self) -> int | None:
        """The most bytes that tensors took on a device since the last call; None on a CPU."""
        peak = self._peak()
        return None if peak is None else self._world.most(peak)

    def footprint(self) -> Footprint:
        """The device, the largest micro-batch so far, and the last checkpoint."""
        name, memory = self._device, None
        if self._device == "cuda":
            import torch  # heavy, and only a GPU run needs it here

            found = torch.cuda.get_device_properties(0)
            name, memory = found.name, self._world.least(found.total_memory)
        return Footprint(
            device=name,
            device_memory_bytes=memory,
            micro_batch_tokens=self._world.most(self.tokens) or None,
            checkpoint_bytes=self._checkpoint or None,
        )

    def _peak(self) -> int | None:
        if self._device != "cuda":
            return None
        import torch  # heavy, as above

        # Before this, torch has no statistics to reset, and raises.
        torch.cuda.init()  # type: ignore[no-untyped-call]
        peak = int(torch.cuda.max_memory_allocated())
        torch.cuda.reset_peak_memory_stats()
        return peak
