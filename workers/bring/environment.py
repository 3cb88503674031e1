"""What a command finds in its environment: the trial, and little of the worker's."""

from __future__ import annotations

import json
import os
import re
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from sweeps.spec import Workload
from workers.recipes.commands import Command
from workers.recipes.context import Context
from workers.roots import DataRoots

TRIAL, SOCKET, RESUME = "TRIAL_JSON", "TRIAL_SOCKET", "TRIAL_RESUME_FROM"
# Of the worker's environment. No token of ours, of MLflow, a store or a hub is among them.
_PASSED = (
    *("HOME", "USER", "LOGNAME", "SHELL", "LANG", "LANGUAGE", "TZ", "TMPDIR", "XDG_CACHE_HOME"),
    *("VIRTUAL_ENV", "PYTHONPATH", "LD_LIBRARY_PATH", "OMP_NUM_THREADS", "MKL_NUM_THREADS"),
    *("CUDA_HOME", "CUDA_VISIBLE_DEVICES", "NVIDIA_VISIBLE_DEVICES"),
    *("HF_HOME", "HF_HUB_CACHE", "HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE", "TORCH_HOME"),
)


def environment(
    command: Command, context: Context, socket: Path, resume: Path | None, outer: Mapping[str, str]
) -> dict[str, str]:
    """The whole environment of a command. `outer` is the worker's, `resume` the checkpoint to go
    on from. Raises SpecError for data or a model outside of the data roots."""
    passed = (*_PASSED, *command.pass_environment)
    kept = {n: v for n, v in outer.items() if n in passed or n.startswith("LC_")}
    # The programs beside the worker's own Python are found first: python, accelerate, torchrun.
    path = os.pathsep.join([str(Path(sys.executable).parent), outer.get("PATH", os.defpath)])
    paths = resolve(context.workload, context.roots)
    trial = trial_of(context, paths, resume)
    return {
        **kept,
        "PATH": path,
        **command.environment,
        **values(trial),
        TRIAL: json.dumps(trial),
        SOCKET: str(socket),
        **({RESUME: str(resume)} if resume else {}),
    }


def trial_of(context: Context, paths: Mapping[str, Any], resume: Path | None) -> dict[str, Any]:
    """Everything that a trial knows of itself, as JSON data."""
    plan = context.plan
    return {
        "params": context.params,
        "seed": context.seed,
        "device": context.device,
        "micro_batch_size": context.micro_batch_size,
        "plan": {
            "steps": plan.steps,
            "global_batch_size": plan.global_batch_size,
            "horizon": plan.horizon,
            "points": plan.points,
            "warmup_steps": plan.warmup_steps,
        },
        "evaluation": context.evaluation.model_dump(mode="json"),
        "workload": context.workload.model_dump(mode="json"),
        "paths": dict(paths),
        "steps_done": context.steps_done,
        "samples_seen": context.samples_seen,
        "resume_from": str(resume) if resume else None,
    }


def values(trial: Mapping[str, Any]) -> dict[str, str]:
    """The same as plain variables, for a shell script and for the places of a command line.

    A parameter `learning_rate` is TRIAL_PARAM_LEARNING_RATE, an option TRIAL_OPTION_...; of two
    names that would be the same variable the later one counts, and TRIAL_JSON has both.
    """
    named = {
        "SEED": trial["seed"],
        "DEVICE": trial["device"],
        "MICRO_BATCH_SIZE": trial["micro_batch_size"],
        "STEPS": trial["plan"]["steps"],
        "STEPS_DONE": trial["steps_done"],
        "GLOBAL_BATCH_SIZE": trial["plan"]["global_batch_size"],
        "WARMUP_STEPS": trial["plan"]["warmup_steps"],
        **{name.upper(): path for name, path in trial["paths"].items() if isinstance(path, str)},
        **{f"PARAM_{_upper(name)}": value for name, value in trial["params"].items()},
        **{f"OPTION_{_upper(n)}": value for n, value in trial["workload"]["options"].items()},
    }
    return {f"TRIAL_{name}": _text(value) for name, value in named.items()}


def resolve(workload: Workload, roots: DataRoots) -> dict[str, str | dict[str, str]]:
    """Where model and data lie: `model` (a hub id stays one), `train` and `eval`, the last one
    {name: path} where that was written; each when it is named.

    Raises SpecError for what is not under a data root.
    """
    found: dict[str, str | dict[str, str]] = {}
    if isinstance(workload.model, str):
        model = roots.find(workload.model, "/spec/workload/model")
        found["model"] = str(model or workload.model)
    if workload.data is not None:
        place = "/spec/workload/data"
        if workload.data.train is not None:
            found["train"] = str(roots.resolve(workload.data.train, f"{place}/train"))
        sets = workload.data.eval
        if isinstance(sets, str):
            found["eval"] = str(roots.resolve(sets, f"{place}/eval"))
        elif sets is not None:
            found["eval"] = {
                name: str(roots.resolve(file, f"{place}/eval/{name}"))
                for name, file in sets.items()
            }
    return found


def _upper(name: str) -> str:
    return re.sub(r"\W", "_", name).upper()


def _text(value: Any) -> str:
    return json.dumps(value) if isinstance(value, bool) else str(value)
