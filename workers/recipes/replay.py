"""A recipe that trains nothing: it replays recorded curves, so that a sweep can be rehearsed on
real workers. An operator registers it: SWEEP_RECIPES=replay=workers.recipes.replay:run.

`workload.options`: `folder`, under the data roots, and `group`; a trial's `config_id` and `seed`
name its run. `sweeps.simulator.recorded.Group.spec` writes such a sweep.
"""

from __future__ import annotations

import hashlib
import json
import time
from functools import partial
from pathlib import Path

from sweeps.errors import Fault, SpecError
from sweeps.faults import shorten
from sweeps.simulator.curves import Silence, with_end
from sweeps.simulator.folders import read_groups
from sweeps.simulator.recorded import Group
from sweeps.simulator.tables import CurvesError
from sweeps.spec import Workload
from sweeps.trial import Trial
from workers.recipes import Facts
from workers.recipes.context import Context
from workers.roots import DataRoots

_OPTIONS = "/spec/workload/options"


def prepare(workload: Workload, roots: DataRoots) -> Facts:
    """The group's horizon as its training samples. Raises SpecError for what cannot be replayed:
    a run with a stretch without a training loss has nothing to tell at its decision points."""
    group = _group(workload, roots)
    silent = [run.params["config_id"] for run in group.runs if not run.loss.there.all()]
    if silent:
        message = f"{len(silent)} runs have rows without train_loss, such as {silent[0]}"
        mend = "Simulate this group instead; a worker reports only steps with a loss."
        raise SpecError([Fault(f"{_OPTIONS}/group", shorten(group.name), message, mend)])
    told = [
        group.name,
        [[run.params, run.x.tolist(), run.loss.values.tolist()] for run in group.runs],
    ]
    digest = hashlib.sha256(json.dumps(told).encode()).hexdigest()
    return Facts(train_samples=group.horizon, data_digest=digest)


def run(context: Context) -> None:
    """Tell the run of this trial, row by row; resumes at the row it was saved at."""
    folder = str(context.workload.options.get("folder"))
    cached = f"replay:{folder}:{context.workload.options.get('group')}"
    if cached not in context.cache:
        context.cache[cached] = _group(context.workload, context.roots)
    group: Group = context.cache[cached]
    # The context keeps count of the steps; nothing else has a state.
    context.register_state(lambda folder: None, lambda folder: None)
    curve = group.of(Trial(0, context.params, seed=context.seed), context.plan)
    pause = float(context.workload.options.get("step_seconds", 0))
    for count, (mark, ends) in enumerate(with_end(curve.marks())):
        if count < context.steps_done or isinstance(mark, Silence):
            continue
        time.sleep(pause)
        context.step(
            samples=mark.samples_seen - context.samples_seen,
            tokens=mark.tokens,
            loss=mark.loss,
            grad_norm=mark.grad_norm,
            learning_rate=mark.learning_rate,
            ends=ends,
            evaluate=partial(curve.evaluate, mark.samples_seen),
        )


def _group(workload: Workload, roots: DataRoots) -> Group:
    """The group that the options name. Raises SpecError."""
    options = workload.options
    faults = [
        Fault(f"{_OPTIONS}/{name}", "nothing", "the replay recipe needs it", f"Write {example}.")
        for name, example in (("folder", "folder: curves/mine"), ("group", "a group of runs"))
        if not isinstance(options.get(name), str)
    ]
    if faults:
        raise SpecError(faults)
    path: Path = roots.resolve(str(options["folder"]), f"{_OPTIONS}/folder")
    try:
        groups = {group.name: group for group in read_groups(path)}
    except CurvesError as error:
        mend = "Name a folder with runs.parquet or runs.csv.gz, and finals.csv."
        raise SpecError(
            [Fault(f"{_OPTIONS}/folder", shorten(options["folder"]), str(error), mend)]
        ) from error
    name = str(options["group"])
    if name not in groups:
        mend = f"There are: {', '.join(list(groups)[:10])}."
        raise SpecError([Fault(f"{_OPTIONS}/group", shorten(name), "is no group of it", mend)])
    return groups[name]
