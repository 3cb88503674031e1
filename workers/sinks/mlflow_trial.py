"""What the run of a trial shall be, by the journal."""

from __future__ import annotations

from statistics import median

from sweeps.drops import panel, scores_of
from sweeps.facts import facts, told
from sweeps.lifecycle import StopReason, TrialState
from sweeps.metric import best_so_far
from sweeps.space import Choice
from sweeps.spec import SweepSpec
from sweeps.trial import Action, BatchCut, Params, ParamValue, Role, TrialRecord, Verdict, trial_id
from workers.sinks.metric_spool import Point
from workers.sinks.mlflow_chronicle import Chronicle
from workers.sinks.mlflow_runs import FAILED, FINISHED, KILLED, PRUNE, RUNNING, RunPicture

_SHORT = {
    "global_batch_size": "bs",
    "learning_rate": "lr",
    "warmup_steps": "wu",
    "warmup_ratio": "wr",
    "weight_decay": "wd",
    "lr_scheduler_type": "sched",
}
_STATUS = {
    TrialState.DONE: FINISHED,
    TrialState.STOPPED: KILLED,
    TrialState.FAILED: FAILED,
}
NAME_LENGTH = 120


def trial_picture(
    chronicle: Chronicle, sweep_id: str, number: int, parent_run_id: str, *, over: bool
) -> RunPicture:
    """The run of trial `number`. `over`: the sweep has ended, so nothing of it runs any more."""
    spec, record = chronicle.spec, chronicle.story.trials[number]
    status = _STATUS.get(TrialState(record.state), KILLED if over else RUNNING)
    seed = {"seed": str(record.trial.seed)}
    return RunPicture(
        name=trial_name(spec, record),
        started=chronicle.asked[number],
        tags={"mlflow.parentRunId": parent_run_id, **_tags(sweep_id, record)},
        params={**seed, **{name: str(value) for name, value in record.trial.params.items()}},
        points=[*_best(chronicle, record), *_drops(chronicle, record), *_costs(chronicle, record)],
        status=status,
        ended=chronicle.ended.get(number),
    )


def trial_name(spec: SweepSpec, record: TrialRecord) -> str:
    """`t007 bs=32 lr=0.001 wu=10`: what varies in this sweep."""
    trial = record.trial
    role = [] if trial.role is Role.SEARCH else [trial.role.value]
    parts = [f"{_SHORT.get(k, k)}={_value(v)}" for k, v in _varying(spec, trial.params).items()]
    return " ".join([f"t{trial.number:03d}", *role, *parts])[:NAME_LENGTH]


def verdict_of(record: TrialRecord) -> tuple[int, Verdict] | None:
    """The point and the verdict by which a trial is stopped or parked now, or was condemned and
    runs on as an audit; None: by none."""
    for point, verdict in sorted(record.verdicts.items()):
        if verdict.audit:
            return point, verdict
    by_verdict = record.state == TrialState.PAUSED or record.reason == StopReason.PRUNED
    if not by_verdict or not record.verdicts:
        return None
    point = max(record.verdicts)
    verdict = record.verdicts[point]
    return None if verdict.action is Action.CONTINUE else (point, verdict)


def _varying(spec: SweepSpec, params: Params) -> Params:
    axes = spec.spec.parameters.axes
    fixed = {k for k, axis in axes.items() if isinstance(axis, Choice) and len(axis.values) == 1}
    varying = {name: value for name, value in params.items() if name not in fixed}
    return varying or params


def _value(value: ParamValue) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def _tags(sweep_id: str, record: TrialRecord) -> dict[str, str]:
    trial = record.trial
    tags = {
        "sweep.id": sweep_id,
        "sweep.trial_id": trial_id(sweep_id, trial.number),
        "sweep.trial_number": str(trial.number),
        "sweep.role": trial.role.value,
        "sweep.state": str(record.state),
        "sweep.attempts": str(len(record.attempts)),
        "mlflow.source.type": "JOB",
        "mlflow.source.name": "sweepctl",
    }
    if record.state == TrialState.FAILED:
        tags["sweep.error"] = record.reason or "unknown"
    elif record.reason:
        tags["sweep.reason"] = str(record.reason)
    if any(verdict.audit for verdict in record.verdicts.values()):
        tags["sweep.audit"] = "true"
    if record.last_report is not None and record.last_report.cut is not None:
        tags |= _cut_tags(record.last_report.cut)
    condemned = verdict_of(record)
    if condemned is not None:
        point, verdict = condemned
        report = record.reports.get(point)
        samples = report.samples if report else 0
        tags |= _prune_tags(verdict, point, samples)
        if record.state == TrialState.STOPPED:
            tags["mlflow.note.content"] = (
                f"Stopped at point {point} ({samples:,} samples), `{verdict.reason}`: "
                f"{verdict.message}\n\n`sweepctl why {tags['sweep.trial_id']}` tells more."
            )
    return tags


def _cut_tags(cut: BatchCut) -> dict[str, str]:
    """How the global batch was cut, by the last report: derived, so no parameter."""
    return {f"sweep.{name}": str(value) for name, value in cut if value is not None}


def _prune_tags(verdict: Verdict, point: int, samples: int) -> dict[str, str]:
    seen = told(facts(verdict, point, samples))
    return {PRUNE + name: text for name, text in seen.items()}


def _best(chronicle: Chronicle, record: TrialRecord) -> list[Point]:
    """The best value of the sweep's metric, as a metric of its own, once the trial has ended:
    MLflow's table shows the last value of a metric, not the best. At step 0 of all trials, so
    that MLflow draws bars."""
    number, metric = record.trial.number, chronicle.spec.spec.metric
    value = best_so_far(record, metric)
    if number not in chronicle.ended or value is None:
        return []
    return [Point(f"best_{metric.name}", value, chronicle.ended[number], 0)]


def _drops(chronicle: Chronicle, record: TrialRecord) -> list[Point]:
    """What a finished trial lost against the base model, by metric, where the limits of the sweep
    ask for it: `drop_eval_retention_accuracy`. Missing while the base model is not evaluated."""
    number, spec = record.trial.number, chronicle.spec
    done = record.state == TrialState.DONE and record.trial.role is not Role.BASE
    if not done or not spec.spec.metric.max_drop or number not in chronicle.ended:
        return []
    against = panel(spec, chronicle.story.trials.values(), unseen=True)
    if against.base is None:
        return []
    drops, at = against.drops(scores_of([record])), chronicle.ended[number]
    return [Point(f"drop_{name}", drops[name], at, 0) for name in against.limits]


def _costs(chronicle: Chronicle, record: TrialRecord) -> list[Point]:
    """How fast an ended trial ran, by the median of its windows, and the most memory it took, where
    they were measured: `tokens_per_second`, `peak_memory_bytes`."""
    number = record.trial.number
    if number not in chronicle.ended:
        return []
    windows = [report.window for report in record.reports.values()]
    speeds = [w.tokens_per_second for w in windows if w.tokens_per_second is not None]
    peaks = [w.peak_memory_bytes for w in windows if w.peak_memory_bytes is not None]
    found = {"tokens_per_second": median(speeds)} if speeds else {}
    found |= {"peak_memory_bytes": float(max(peaks))} if peaks else {}
    return [Point(name, value, chronicle.ended[number], 0) for name, value in found.items()]
