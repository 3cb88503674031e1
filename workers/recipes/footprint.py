"""What a run takes: of its device's memory, and of the disk that checkpoints go to."""

from __future__ import annotations

from pathlib import Path

from sweeps.trial import Footprint, Report
from workers.checkpoints import MANIFEST


class Meter:
    """Of one attempt, on one device. `tokens` are those of its largest micro-batch, 0 for none."""

    def __init__(self, device: str) -> None:
        self._device = device
        self.tokens = self._checkpoint = 0
        self.peak_memory()  # that of an earlier trial in this process is not ours

    def micro_batch(self, tokens: int) -> None:
        """A micro-batch of so many tokens, padding included, goes through the model."""
        self.tokens = max(self.tokens, tokens)

    def saved(self, report: Report, root: Path) -> Report:
        """The last report of a trial whose last checkpoint, if it has any, stands alone in `root`.

        Of the checkpoint, what the recipe wrote counts: the context's own file is small, and as
        long as times have digits.
        """
        files = [file for file in root.glob("step-*/**/*") if file.is_file()]
        own = [file for file in files if file.name not in ("context.json", MANIFEST)]
        self._checkpoint = sum(file.stat().st_size for file in own)
        return report.model_copy(update={"footprint": self.footprint()})

    def peak_memory(self) -> int | None:
        """The most bytes that tensors took since the last call; None on a CPU."""
        if self._device != "cuda":
            return None
        import torch  # heavy, and only a GPU run needs it here

        # Before this, torch has no statistics to reset, and raises.
        torch.cuda.init()  # type: ignore[no-untyped-call]
        peak = int(torch.cuda.max_memory_allocated())
        torch.cuda.reset_peak_memory_stats()
        return peak

    def footprint(self) -> Footprint:
        """The device, the largest micro-batch so far, and the last checkpoint."""
        name, memory = self._device, None
        if self._device == "cuda":
            import torch  # heavy, as above

            found = torch.cuda.get_device_properties(0)
            name, memory = found.name, found.total_memory
        return Footprint(
            device=name,
            device_memory_bytes=memory,
            micro_batch_tokens=self.tokens or None,
            checkpoint_bytes=self._checkpoint or None,
        )
