"""What the operator registered for evaluations: judges and tasks, by the names that a spec uses.

A request chooses a name. It never brings code, nor a file that could name code.
"""

from __future__ import annotations

import importlib
import importlib.util
from collections.abc import Callable, Sequence
from pathlib import Path

from sweeps.errors import Fault, SpecError, SweepError
from sweeps.spec import Evaluation

JUDGES, TASKS = "SWEEP_JUDGES", "SWEEP_LM_EVAL_TASKS"
# (prompts, replies, right answers) -> a score for each reply; more is better.
Judge = Callable[[Sequence[str], Sequence[str], Sequence[str]], Sequence[float]]


class RegistryError(SweepError):
    """A setting of the operator's that cannot be read, or code in it that cannot be imported."""


def judges(text: str) -> dict[str, str]:
    """SWEEP_JUDGES, "name=module:function,...", as name -> path. Raises RegistryError."""
    found = _table(text, JUDGES)
    for name, path in found.items():
        module, _, function = path.partition(":")
        if not (module and function):
            raise RegistryError(f"{JUDGES}: '{name}' is not name=module:function.")
    return found


def tasks(text: str) -> dict[str, Path | None]:
    """SWEEP_LM_EVAL_TASKS, "name,name=folder,...": a task of lm-evaluation-harness by its own name
    (None), or one of a folder of the operator's task files. Raises RegistryError."""
    return {name: Path(path) if path else None for name, path in _table(text, TASKS).items()}


def load_judge(name: str, text: str) -> Judge:
    """The judge of this name. Raises RegistryError."""
    found = judges(text)
    if name not in found:
        raise RegistryError(f"There is no judge '{name}' here. {_known(JUDGES, list(found))}")
    module, _, function = found[name].partition(":")
    try:
        judge: Judge = getattr(importlib.import_module(module), function)
    except (ImportError, AttributeError) as error:
        raise RegistryError(f"The judge '{name}' cannot be imported: {error}") from error
    return judge


def check(evaluation: Evaluation, judge_text: str, task_text: str) -> None:
    """Raises SpecError for a judge or a task that nobody registered at this pool."""
    faults, at = [], "/spec/evaluation"
    known = list(judges(judge_text))
    if evaluation.judge is not None and evaluation.judge not in known:
        message = "no judge of this name is registered at this pool"
        faults.append(Fault(f"{at}/judge", evaluation.judge, message, _known(JUDGES, known)))
    allowed = list(tasks(task_text))
    for index, name in enumerate(evaluation.tasks):
        if name not in allowed:
            message = "this pool does not allow this task of lm-evaluation-harness"
            faults.append(Fault(f"{at}/tasks/{index}", name, message, _known(TASKS, allowed)))
    if evaluation.tasks and importlib.util.find_spec("lm_eval") is None:
        message = "lm-evaluation-harness is not installed at this pool"
        mend = "Take tasks out, or have the operator install sweepctl[lm-eval]."
        faults.append(Fault(f"{at}/tasks", ", ".join(evaluation.tasks), message, mend))
    if faults:
        raise SpecError(faults)


def _table(text: str, setting: str) -> dict[str, str]:
    found: dict[str, str] = {}
    for part in filter(None, (part.strip() for part in text.split(","))):
        name, _, path = (side.strip() for side in part.partition("="))
        if not name or name in found:
            raise RegistryError(f"{setting}: '{part}' has no name, or one that is taken.")
        found[name] = path
    return found


def _known(setting: str, names: Sequence[str]) -> str:
    there = f"Known: {', '.join(sorted(names))}. " if names else ""
    return f"{there}An operator adds one with {setting}."
