"""Everything about a run that is known before it starts."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sweeps.points import RunPlan
from sweeps.spec import Evaluation, Workload
from sweeps.trial import Params
from workers.recipes.shared import NOTHING_SHARED, SharedPhases
from workers.recipes.world import ALONE, World
from workers.roots import DataRoots


@dataclass
class Setting:
    """One attempt at one trial, as its worker is told of it. See Context for the meanings."""

    workload: Workload
    evaluation: Evaluation
    params: Params
    plan: RunPlan
    roots: DataRoots
    seed: int = 0
    # The most examples that go through a model at once; None: as many as fit.
    micro_batch_size: int | None = None
    # Tokens that a micro-batch is foretold to have room for; None: nobody knows.
    micro_batch_tokens: int | None = None
    device: str = "cpu"
    checkpoint_seconds: float = 600.0
    keep_final: bool = True
    # The last decision point that the journal knows; None: the checkpoint's word is taken.
    heard: int | None = None
    # The operator's SWEEP_JUDGES and SWEEP_LM_EVAL_TASKS.
    judges: str = ""
    tasks: str = ""
    # Where this node keeps tokenised data; None: nowhere.
    token_folder: Path | None = None
    cache: dict[str, Any] = field(default_factory=dict)
    world: World = ALONE
    # What this trial takes over from others, and leaves for them; its id tells ours from theirs.
    trial: str = ""
    shared: SharedPhases = NOTHING_SHARED
