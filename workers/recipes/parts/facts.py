"""`prepare` of the sft recipe: is the workload whole, and how large is its data? No torch."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

from huggingface_hub import hf_hub_download

from sweeps.errors import Fault, SpecError
from sweeps.faults import shorten
from sweeps.phases import phases_of
from sweeps.spec import Data, TinyModel, Workload
from workers.recipes import Facts
from workers.recipes.parts.choices import Question, read_held_out
from workers.recipes.parts.formats import Example, read_examples
from workers.recipes.parts.rows import Source, eval_sources, train_sources, unseen_sources
from workers.roots import DataRoots

MODEL = "/spec/workload/model"


def prepare(workload: Workload, roots: DataRoots) -> Facts:
    """Read every row once. Raises SpecError with a fault for each file that cannot be used.

    The digest is SHA-256 over one line a source, `use label digest`, train first, then the eval
    sets in the order written, then the unseen ones.
    """
    faults = _model_faults(workload, roots)
    try:
        _, data = required(workload)
    except SpecError as error:
        raise SpecError([*faults, *error.faults]) from error
    sources, missing = _sources(workload, data, roots)
    faults += missing
    counts = {"train": 0, "eval": 0, "unseen": 0}
    lines, questions, seen = [], list[str](), dict[str, Source]()
    phases = list[int]()
    for source in sources:
        try:
            rows, digest = _rows(source, data), source.digest()
            # Two phases may take the same examples; they are so many all the same.
            counts[source.use] += 0 if source.use == "train" and digest in seen else len(rows)
            phases += [len(rows)] if source.use == "train" else []
            asks = isinstance(rows[0], Question)
            if asks and source.use == "eval":
                questions.append(source.label)
            faults += _unseen_faults(source, asks, data, questions, seen.get(digest))
            seen[digest] = source
            lines.append(f"{source.use} {source.label} {digest}\n")
        except SpecError as error:
            faults += error.faults
    if faults:
        raise SpecError(faults)
    digest = hashlib.sha256("".join(lines).encode()).hexdigest()
    return Facts(counts["train"], counts["eval"], digest, tuple(questions), tuple(phases))


def _unseen_faults(
    source: Source, asks: bool, data: Data, questions: Sequence[str], same: Source | None
) -> list[Fault]:
    """An unseen set that was seen after all (`same` has its content), or that is of another kind
    than the eval set of its name. Sources come in the order train, eval, unseen."""
    if source.use != "unseen":
        return []
    if same is not None and same.use != "unseen":
        message = f"it has the content of {same.pointer}: it is not unseen"
        return [Fault(source.pointer, shorten(source.name), message, "Name other examples.")]
    twins = data.eval if isinstance(data.eval, dict) else [""] if data.eval else []
    if source.label in twins and asks != (source.label in questions):
        kinds = ("asks multiple choice", "does not")
        message = f"it {kinds[not asks]}, the eval set of its name {kinds[asks]}"
        mend = "Name a set of the same kind, or give it a name of its own."
        return [Fault(source.pointer, shorten(source.name), message, mend)]
    return []


def _rows(source: Source, data: Data) -> Sequence[Example | Question]:
    return read_examples(source, data) if source.use == "train" else read_held_out(source, data)


def required(workload: Workload) -> tuple[str | TinyModel, Data]:
    """The model and data of a workload. Raises SpecError naming what is absent: phases name their
    training data themselves."""
    faults, phases = [], phases_of(workload)
    if workload.model is None:
        faults.append(_absent(MODEL, "a hub id, a folder under the data roots, or {tiny: llama}"))
    if workload.data is None and not phases:
        faults.append(_absent("/spec/workload/data", "data: {train: data/train.jsonl}"))
    if workload.model is None or (workload.data is None and not phases):
        raise SpecError(faults)
    return workload.model, workload.data or Data()


def _sources(workload: Workload, data: Data, roots: DataRoots) -> tuple[list[Source], list[Fault]]:
    sources: list[Source] = []
    faults: list[Fault] = []
    try:
        sources += train_sources(workload, roots)
    except SpecError as error:
        faults += error.faults
    for held_out in (eval_sources, unseen_sources):
        try:
            sources += held_out(data, roots)
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
