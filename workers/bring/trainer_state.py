"""A Trainer's own checkpoint, in a checkpoint folder of the trial.

Its weights are safetensors. Optimizer, schedule and random states are the Trainer's files: torch
writes them, transformers reads them with `weights_only=True`, which runs no code
(docs/decisions/0012-a-trainers-checkpoint.md).
"""

from __future__ import annotations

from pathlib import Path

from transformers import Trainer
from transformers.trainer_utils import PREFIX_CHECKPOINT_DIR

# Pickled whole and read by nobody: the arguments come from the trial's parameters.
_ARGUMENTS = "training_args.bin"


class TrainerCheckpoint:
    """Saves a Trainer into a folder, and remembers the one to go on from. Every process calls it;
    the first one puts the files in place once all have written theirs."""

    def __init__(self, trainer: Trainer) -> None:
        self._trainer = trainer
        self.resume: str | None = None

    def save(self, folder: Path) -> None:
        """Write what `Trainer.train(resume_from_checkpoint=folder)` reads."""
        trainer, args = self._trainer, self._trainer.args
        before, args.output_dir = args.output_dir, str(folder)
        try:
            trainer._save_checkpoint(trainer.model, trial=None)
        finally:
            args.output_dir = before
        trainer.accelerator.wait_for_everyone()
        if args.should_save:
            made = folder / f"{PREFIX_CHECKPOINT_DIR}-{trainer.state.global_step}"
            (made / _ARGUMENTS).unlink(missing_ok=True)
            for path in made.iterdir():
                path.rename(folder / path.name)
            made.rmdir()
        trainer.accelerator.wait_for_everyone()

    def load(self, folder: Path) -> None:
        """The Trainer reads it itself, when it has built what to read it into."""
        self.resume = str(folder)
