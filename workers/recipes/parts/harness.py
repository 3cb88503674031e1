"""Tasks of lm-evaluation-harness as evaluation sets: those that the operator of the pool allows.

The harness is an optional package (`pip install sweepctl[lm-eval]`); importing it takes seconds.
"""

from __future__ import annotations

import contextlib
import logging
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from transformers import PreTrainedModel, PreTrainedTokenizerBase

from workers.recipes.parts.loss import precision
from workers.recipes.parts.models import positions
from workers.registered import tasks as registered

# Means have a closed form; this many draws are for the few aggregates that have none.
_DRAWS = 100


@dataclass(frozen=True)
class Harness:
    """Loaded tasks by name. `limit` documents of each are asked, the first ones."""

    tasks: Mapping[str, Any]
    tokenizer: PreTrainedTokenizerBase
    limit: int
    batch_size: int
    device: str

    def __call__(self, model: PreTrainedModel) -> dict[str, float]:
        """`<task>_<metric>` of every task, with `_stderr` where the harness knows it; a metric that
        is taken after a filter has the filter's name before it."""
        from lm_eval.evaluator import evaluate  # optional, and heavy
        from lm_eval.models.huggingface import HFLM

        with _quiet():
            reader = HFLM(
                pretrained=model,
                tokenizer=self.tokenizer,
                batch_size=self.batch_size,
                device=self.device,
                max_length=positions(model),
            )
            found: dict[str, float] = {}
            for name, loaded in self.tasks.items():
                with precision(self.device):
                    said = evaluate(
                        reader,
                        loaded,
                        limit=self.limit,
                        bootstrap_iters=_DRAWS,
                        log_samples=False,
                    )
                found |= {f"{name}_{key}": v for key, v in _numbers(said["results"][name])}
        return found


def load_tasks(names: Sequence[str], text: str, cache: dict[str, Any]) -> dict[str, Any]:
    """The tasks of these names, once a worker. `text` is the operator's SWEEP_LM_EVAL_TASKS.

    Raises KeyError for a task that it does not name; whatever the harness raises for one that it
    cannot load.
    """
    allowed, found = registered(text), dict[str, Any]()
    for name in names:
        key = f"sft.lm-eval {name} {allowed[name]}"
        if key not in cache:
            cache[key] = _load(name, allowed[name])
        found[name] = cache[key]
    return found


def _load(name: str, folder: Path | None) -> Any:
    from lm_eval.tasks import TaskManager  # optional, and heavy

    with _quiet():
        # The harness's own tasks are 15,000 files to look through: not where nobody asks for them.
        manager = TaskManager(
            include_path=None if folder is None else str(folder), include_defaults=folder is None
        )
        return manager.load([name])


def _numbers(results: Mapping[str, Any]) -> list[tuple[str, float]]:
    """`acc,none` -> acc, `exact_match,strict` -> strict_exact_match; texts and counts left out."""
    found = []
    for key, value in results.items():
        metric, comma, chosen_by = key.partition(",")
        if comma and isinstance(value, int | float) and not isinstance(value, bool):
            name = metric if chosen_by == "none" else f"{chosen_by}_{metric}"
            found.append((name, float(value) if value is not None else math.nan))
    return found


@contextlib.contextmanager
def _quiet() -> Any:
    """The harness tells of every default it takes, at every evaluation."""
    log = logging.getLogger("lm_eval")
    before = log.level
    log.setLevel(logging.ERROR)
    try:
        yield
    finally:
        log.setLevel(before)
