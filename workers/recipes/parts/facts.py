"""`prepare` of the sft recipe: is the workload whole, and how large is its data? No torch."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

from huggingface_hub import hf_hub_download

from sweeps.errors import Fault, SpecError
from sweeps.faults import shorten
from sweeps.spec import Data, TinyModel, Workload
from workers.recipes import Facts
from workers.recipes.parts.choices import Question, read_held_out
from workers.recipes.parts.formats import Example, read_examples
from workers.recipes.parts.rows import Source, eval_sources, train_source
from workers.roots import DataRoots

MODEL = "/spec/workload/model"


def prepare(workload: Workload, roots: DataRoots) -> Facts:
    """Read every row once. Raises SpecError with a fault for each file that cannot be used.

    The digest is SHA-256 over one line a source, `use label digest`, train first, then the eval
    sets in the order written.
    """
    faults = _model_faults(workload, roots)
    try:
        _, data = required(workload)
    except SpecError as error:
        raise SpecError([*faults, *error.faults]) from error
    sources, missing = _sources(data, roots)
    faults += missing
    counts = {"train": 0, "eval": 0}
    lines, questions = [], []
    for source in sources:
        try:
            rows = _rows(source, data)
            counts[source.use] += len(rows)
            if isinstance(rows[0], Question):
                questions.append(source.label)
            lines.append(f"{source.use} {source.label} {source.digest()}\n")
        except SpecError as error:
            faults += error.faults
    if faults:
        raise SpecError(faults)
    digest = hashlib.sha256("".join(lines).encode()).hexdigest()
    return Facts(counts["train"], counts["eval"], digest, tuple(questions))


def _rows(source: Source, data: Data) -> Sequence[Example | Question]:
    return read_examples(source, data) if source.use == "train" else read_held_out(source, data)


def required(workload: Workload) -> tuple[str | TinyModel, Data]:
    """The model and data of a workload. Raises SpecError naming what is absent."""
    faults = []
    if workload.model is None:
        faults.append(_absent(MODEL, "a hub id, a folder under the data roots, or {tiny: llama}"))
    if workload.data is None:
        faults.append(_absent("/spec/workload/data", "data: {train: data/train.jsonl}"))
    if workload.model is None or workload.data is None:
        raise SpecError(faults)
    return workload.model, workload.data


def _sources(data: Data, roots: DataRoots) -> tuple[list[Source], list[Fault]]:
    sources: list[Source] = []
    faults: list[Fault] = []
    try:
        sources.append(train_source(data, roots))
    except SpecError as error:
        faults += error.faults
    try:
        sources += eval_sources(data, roots)
    except SpecError as error:
        faults += error.faults
    return sources, faults


def _model_faults(workload: Workload, roots: DataRoots) -> list[Fault]:
    model = workload.model
    name = model.tokenizer if isinstance(model, TinyModel) else model
    if name is None:
        return []
    pointer = f"{MODEL}/tokenizer" if isinstance(model, TinyModel) else MODEL
    wanted = "tokenizer.json" if isinstance(model, TinyModel) else "config.json"
    try:
        folder = roots.find(name, pointer)
    except SpecError as error:
        return error.faults
    if folder is None:
        return _hub_faults(name, wanted, pointer)
    if not (folder / wanted).is_file():
        mend = "Name the folder that save_pretrained wrote."
        return [Fault(pointer, shorten(name), f"this is no folder with a {wanted}", mend)]
    if not isinstance(model, TinyModel) and not list(folder.glob("*.safetensors")):
        mend = "Convert the weights: model.save_pretrained(folder) writes safetensors."
        return [Fault(pointer, shorten(name), "there is no .safetensors file in it", mend)]
    return []


def _hub_faults(name: str, wanted: str, pointer: str) -> list[Fault]:
    """Looked up once for the sweep: a name that leads nowhere would fail every trial, each after
    the hub's own retries."""
    try:
        hf_hub_download(name, wanted)
    except (OSError, ValueError) as error:
        mend = (
            "Put the folder under a data root of this pool and write its path there, "
            "or name a hub id that can be reached."
        )
        message = f"no such folder is here, and the hub gave no {wanted}: {error}"
        return [Fault(pointer, shorten(name), message, mend)]
    return []


def _absent(pointer: str, example: str) -> Fault:
    return Fault(pointer, "nothing", "the sft recipe needs it", f"Write {example}.")
