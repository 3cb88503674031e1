"""What the built-in recipe `sft` needs of a spec, and what it would otherwise ignore."""

from __future__ import annotations

from collections.abc import Collection

from sweeps.errors import Fault
from sweeps.faults import nearest, pointer, shorten
from sweeps.sft_parameters import SFT_OPTIONS, UNBUILT_OPTIONS, is_eight_bits
from sweeps.spec import Evaluation, SweepSpec, TinyModel

REQUIRED = {"global_batch_size": "{values: [16, 64]}", "learning_rate": "{values: [1e-5, 1e-4]}"}
OF_WINDOWS = ("loss", "grad_norm")
OF_QUESTIONS = ["accuracy", "accuracy_norm"]
_EVAL = "/spec/evaluation"


def sft_faults(spec: SweepSpec) -> list[Fault]:
    """Every fault of the workload, the parameters, the evaluation and the metric."""
    return [*_workload(spec), *_required(spec), *_evaluation(spec), *_metric(spec)]


def _workload(spec: SweepSpec) -> list[Fault]:
    workload, at = spec.spec.workload, "/spec/workload"
    faults = []
    needed = "the sft recipe needs it"
    if workload.model is None:
        mend = "Write a hub id, a folder under the data roots, or {tiny: llama}."
        faults.append(Fault(f"{at}/model", "nothing", needed, mend))
    if workload.data is None:
        mend = "Write data: {train: data/train.jsonl, eval: data/eval.jsonl}."
        faults.append(Fault(f"{at}/data", "nothing", needed, mend))
    elif workload.data.fields is not None and workload.data.format in ("messages", "alpaca"):
        message = f"fields map to prompt and completion, but the format is {workload.data.format}"
        mend = "Leave out fields, or write format: prompt_completion."
        faults.append(Fault(f"{at}/data/fields", shorten(workload.data.fields), message, mend))
    model = workload.model
    if isinstance(model, TinyModel) and workload.max_length > model.max_position_embeddings:
        message = f"the model has {model.max_position_embeddings} positions"
        mend = "Lower it, or raise max_position_embeddings of the model."
        faults.append(Fault(f"{at}/max_length", str(workload.max_length), message, mend))
    return [*faults, *_options(spec)]


def _options(spec: SweepSpec) -> list[Fault]:
    """Options that the recipe does not have; those that are not built are for `sweeps.support`."""
    faults = []
    for name, value in spec.spec.workload.options.items():
        place = f"/spec/workload/options/{name}"
        if name in UNBUILT_OPTIONS:
            continue
        if name not in SFT_OPTIONS:
            close = nearest(name, list(SFT_OPTIONS))
            mend = f"Did you mean '{close}'?" if close else f"Known: {', '.join(SFT_OPTIONS)}."
            faults.append(Fault(place, shorten(value), "the sft recipe has no such option", mend))
            continue
        words = SFT_OPTIONS[name]
        if words is None and not isinstance(value, bool):
            faults.append(Fault(place, shorten(value), "must be true or false", "Write true."))
        elif words is not None and value not in words and not is_eight_bits(value):
            message = f"must be one of {', '.join(words)}"
            faults.append(Fault(place, shorten(value), message, f"Write {words[0]}."))
    return [*faults, *_packed_and_compiled(spec)]


def _packed_and_compiled(spec: SweepSpec) -> list[Fault]:
    options = spec.spec.workload.options
    if options.get("packing") is not True or options.get("torch_compile") is not True:
        return []
    message = "compiled code is made for the lengths in a row, and no two packed rows have the same"
    mend = "Take out one of packing and torch_compile."
    return [Fault("/spec/workload/options/packing", "true", message, mend)]


def _required(spec: SweepSpec) -> list[Fault]:
    space, faults = spec.spec.parameters, []
    for name, example in REQUIRED.items():
        at = f"/spec/parameters/{name}"
        axis = space.axes.get(name)
        if name not in space.names:
            mend = f"Write {name}: {example}, or {name}: {{value: ...}} to keep it fixed."
            faults.append(Fault(at, "nothing", "the sft recipe needs it", mend))
        elif axis is not None and axis.when is not None:
            message = "every trial needs it, so it cannot depend on a condition"
            faults.append(Fault(f"{at}/when", shorten(axis.when), message, "Take the when out."))
    return faults


def _evaluation(spec: SweepSpec) -> list[Fault]:
    evaluation, data = spec.spec.evaluation, spec.spec.workload.data
    faults = []
    for field, value in _generates(evaluation).items():
        if data is not None and not data.eval:
            mend = f"Add spec.workload.data.eval, or take {field} out."
            message = "there is no evaluation data to generate from"
            faults.append(Fault(f"{_EVAL}/{field}", value, message, mend))
    model, new = spec.spec.workload.model, evaluation.max_new_tokens
    if _generates(evaluation) and isinstance(model, TinyModel):
        there = model.max_position_embeddings
        if new >= there:
            message = f"the model has {there} positions, prompt and reply together"
            mend = "Lower it, or raise max_position_embeddings of the model."
            faults.append(Fault(f"{_EVAL}/max_new_tokens", str(new), message, mend))
    idle = {"answer_marker": not evaluation.exact_match}
    idle["max_new_tokens"] = not _generates(evaluation)
    for name, unread in idle.items():
        value = getattr(evaluation, name)
        if unread and value != Evaluation.model_fields[name].default:
            message = "it only matters for exact_match, which is off"
            mend = "Write exact_match: true beside it, or take it out."
            faults.append(Fault(f"{_EVAL}/{name}", shorten(value), message, mend))
    return faults


def _generates(evaluation: Evaluation) -> dict[str, str]:
    """What of an evaluation needs replies, as it is written."""
    found = {"exact_match": "true"} if evaluation.exact_match else {}
    return {**found, "judge": evaluation.judge} if evaluation.judge is not None else found


def _metric(spec: SweepSpec) -> list[Fault]:
    name, data = spec.spec.metric.name, spec.spec.workload.data
    if name in OF_WINDOWS or data is None:
        return []
    at, value = "/spec/metric/name", shorten(name)
    if of_task(spec, name):
        return []
    if data.eval is None or not data.eval:
        message = "there is no evaluation data, so the sft recipe reports loss and grad_norm only"
        mend = "Add spec.workload.data.eval."
        return [Fault(at, value, message, mend)]
    known = metrics(spec)
    if name in known:
        return []
    if name.removesuffix("exact_match") != name and not spec.spec.evaluation.exact_match:
        message = "exact_match is not measured unless it is asked for"
        return [Fault(at, value, message, "Write spec.evaluation.exact_match: true.")]
    close = nearest(name, known)
    mend = f"Did you mean '{close}'?" if close else f"Known: {', '.join(known)}."
    return [Fault(at, value, "the sft recipe reports no such metric", mend)]


def measure_faults(spec: SweepSpec, questions: Collection[str]) -> list[Fault]:
    """What only the files tell: a metric, or exact match, that the evaluation sets do not give.

    `questions` are the labels of the sets that ask multiple choice, "" for a single set.
    """
    faults, metric = [], spec.spec.metric
    known = metrics(spec, questions)
    asked = {"/spec/metric/name": metric.name}
    asked |= {pointer(["spec", "metric", "max_drop", name]): name for name in metric.max_drop}
    for at, name in asked.items():
        if name not in known and not of_task(spec, name):
            message = "the evaluation data does not give it"
            mend = f"There is: {', '.join(known)}. Sets whose rows have choices give accuracy."
            faults.append(Fault(at, shorten(name), message, mend))
    for field, value in _generates(spec.spec.evaluation).items():
        if not any(name.endswith(field) for name in known):
            message = "every evaluation set asks multiple choice: there is nothing to generate"
            mend = "Take it out, or add a set of prompts and completions."
            faults.append(Fault(f"{_EVAL}/{field}", value, message, mend))
    return faults


def of_task(spec: SweepSpec, name: str) -> bool:
    """True for a metric of a task of lm-evaluation-harness. Which ones a task gives, only the
    harness knows."""
    return any(name.startswith(f"eval_{task}_") for task in spec.spec.evaluation.tasks)


def metrics(spec: SweepSpec, questions: Collection[str] | None = None) -> list[str]:
    """The metrics that trials of this spec report, by name, those of the windows last.

    `questions` are the labels of the sets that ask multiple choice ("" for a single set); None:
    nobody has looked into the files, so every set may be of either kind.
    """
    data, evaluation = spec.spec.workload.data, spec.spec.evaluation
    sets = data.eval if data is not None else None
    labels = list(sets) if isinstance(sets, dict) else [""] if sets else []
    of_texts = ["loss", *_generates(evaluation)]
    found = []
    for label in labels:
        kinds = of_texts if questions is None or label not in questions else []
        kinds = kinds + (OF_QUESTIONS if questions is None or label in questions else [])
        found += [f"eval_{label}_{kind}" if label else f"eval_{kind}" for kind in kinds]
    return [*found, *OF_WINDOWS]
