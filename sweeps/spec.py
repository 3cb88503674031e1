"""SweepSpec: all that a user writes. Parsing it checks every field; `sweeps.checks` the rest."""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    Discriminator,
    Field,
    GetJsonSchemaHandler,
    SerializerFunctionWrapHandler,
    Tag,
    ValidationError,
    model_serializer,
    model_validator,
)
from pydantic_core import CoreSchema

from sweeps.documents import check_depth, check_text, read_document
from sweeps.errors import SpecError
from sweeps.faults import faults_of
from sweeps.pruners.configs import EarlyDynamics, Pruning
from sweeps.searchers.configs import Method
from sweeps.space import LARGEST, Space
from sweeps.wire import Wire

Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$")]
Text = Annotated[str, Field(min_length=1, max_length=1000)]
_CLOCK = re.compile(r"^(?=.)(?:(\d+)d)?(?:(\d+)h)?(?:(\d+)m)?(?:(\d+)s)?$")


def _written(data: Any) -> str:
    return "text" if isinstance(data, str) else "block"


# One way to read "text or a block", so that an error speaks of the way the user meant.
_TEXT, _BLOCK, _EITHER = Tag("text"), Tag("block"), Discriminator(_written)


def seconds_of(text: str) -> int:
    """`48h`, `90m`, `1d12h`, `30s` -> seconds. Raises ValueError for anything else."""
    match = _CLOCK.match(text)
    if not match:
        raise ValueError("this is no duration; write e.g. 48h, 90m or 1d12h")
    units = (86400, 3600, 60, 1)
    return sum(int(part or 0) * unit for part, unit in zip(match.groups(), units, strict=True))


def _positive_clock(text: str) -> str:
    if seconds_of(text) == 0:
        raise ValueError("a zero duration runs nothing; write e.g. 48h or leave it out")
    return text


class Metadata(Wire):
    """Whose sweep this is."""

    name: Name
    project: Name = "default"
    labels: dict[Name, Annotated[str, Field(max_length=256)]] = {}


class TinyModel(Wire):
    """A small model built from a config with random weights: `{tiny: llama, hidden_size: 128}`.

    Fields are those of transformers' LlamaConfig. The tokenizer is trained on the training data
    unless `tokenizer` names a local folder. Every trial starts from the same weights
    (`init_seed`), as it would from a pretrained model.
    """

    tiny: Literal["llama"]
    hidden_size: int = Field(default=64, ge=8, le=4096)
    intermediate_size: int | None = Field(default=None, ge=8)
    num_hidden_layers: int = Field(default=2, ge=1, le=64)
    num_attention_heads: int = Field(default=4, ge=1, le=64)
    max_position_embeddings: int = Field(default=1024, ge=16, le=131072)
    vocab_size: int = Field(default=1024, ge=260, le=262144)
    tokenizer: Text | None = None
    init_seed: int = Field(default=0, ge=0, lt=2**32)

    @model_validator(mode="after")
    def _heads(self) -> TinyModel:
        if self.hidden_size % self.num_attention_heads:
            raise ValueError("hidden_size must be a multiple of num_attention_heads; change it")
        return self


Sets = Annotated[Annotated[Text, _TEXT] | Annotated[dict[Name, Text], _BLOCK], _EITHER]


class Data(Wire):
    """Training and held-out examples: JSONL under the pool's data roots, or a hub id.

    `eval` may be a mapping name -> path; metrics are then `eval_<name>_loss`, as transformers'
    Trainer writes them. A file whose rows have `choices` asks multiple choice and gives
    `eval_<name>_accuracy` instead. `unseen` is written the same way and gives `unseen_<name>_loss`
    and so on: it is evaluated at a trial's end alone, nothing is searched or pruned by it, and
    finished trials are ranked by it. `fields` maps the columns of a file to prompt and completion.
    `train` is left out where phases name their own data.
    """

    train: Text | None = None
    eval: Sets | None = None
    unseen: Sets | None = None
    format: Literal["auto", "messages", "prompt_completion", "alpaca"] = "auto"
    fields: dict[Literal["prompt", "completion"], Text] | None = None


class Phase(Wire):
    """One phase of the phased strategy: its own data, and what it sets for itself.

    `replay` is the share of its samples that come from the data of earlier phases. It is `samples`
    or `epochs` of its own data long; phases without either share what is left of the horizon in
    proportion to their data. Batch size, rate and warmup steps are the trial's where it names none.
    """

    data: Text
    replay: float = Field(default=0.0, ge=0, lt=1)
    global_batch_size: int | None = Field(default=None, ge=1, lt=LARGEST)
    learning_rate: float | None = Field(default=None, gt=0, allow_inf_nan=False)
    warmup_steps: int | None = Field(default=None, ge=0, lt=LARGEST)
    samples: int | None = Field(default=None, ge=1, lt=LARGEST)
    epochs: float | None = Field(default=None, gt=0, le=1e6, allow_inf_nan=False)

    @model_validator(mode="after")
    def _one(self) -> Phase:
        if self.samples is not None and self.epochs is not None:
            raise ValueError("needs samples or epochs, not both; keep one of the two")
        return self


class Phased(Wire):
    """The LAB way: phases one after the other, each a training of its own from the weights before.

    A trial whose parameter `strategy` is stacked trains on the data of all of them, shuffled.
    """

    phased: list[Phase] = Field(min_length=1)


class Adapter(Wire):
    """A peft adapter instead of full fine-tuning; fields are those of peft's LoraConfig.

    `lora_alpha` defaults to twice the rank. Parameters of a sweep go under TRL's names (`lora_r`,
    `lora_alpha`, `lora_dropout`, `lora_target_modules`), and `adapter` is one too.
    """

    type: Literal["lora", "rslora", "dora", "qlora"]
    r: int = Field(default=16, ge=1)
    lora_alpha: float | None = Field(default=None, gt=0)
    lora_dropout: float = Field(default=0.0, ge=0, lt=1)
    target_modules: Annotated[
        Annotated[Literal["all-linear"], _TEXT]
        | Annotated[Annotated[list[Text], Field(min_length=1)], _BLOCK],
        _EITHER,
    ] = "all-linear"


class Workload(Wire):
    """What one trial trains."""

    recipe: Name = "sft"
    model: Annotated[Annotated[Text, _TEXT] | Annotated[TinyModel, _BLOCK], _EITHER] | None = None
    data: Data | None = None
    strategy: Annotated[
        Annotated[Literal["stacked"], _TEXT] | Annotated[Phased, _BLOCK], _EITHER
    ] = "stacked"
    adapter: Adapter | None = None
    max_length: int = Field(default=1024, ge=8)
    options: dict[Name, bool | int | float | str] = {}


MetricName = Annotated[str, Field(pattern=r"^[A-Za-z0-9_][A-Za-z0-9_./ -]{0,200}$")]


class Metric(Wire):
    """What is best. Names are the recipe's: `eval_loss`, `eval_exact_match`, `loss` ...

    `max_drop` says how much worse than the base model a trial may end on other metrics, in their
    own units (of a loss: how much higher). One that ends worse is never the winner.
    """

    name: MetricName
    goal: Literal["minimize", "maximize"]
    max_drop: dict[MetricName, Annotated[float, Field(ge=0, allow_inf_nan=False)]] = {}


class Horizon(Wire):
    """How long one trial runs: exactly one of samples and epochs of the training data."""

    samples: int | None = Field(default=None, ge=1, lt=LARGEST)
    epochs: float | None = Field(default=None, gt=0, le=1e6, allow_inf_nan=False)

    @model_validator(mode="after")
    def _one(self) -> Horizon:
        if (self.samples is None) == (self.epochs is None):
            raise ValueError("needs samples or epochs, not both; write e.g. {samples: 10000}")
        return self


class ReportPlan(Wire):
    """How many decision points a run has."""

    points: int = Field(default=20, ge=1, le=1000)


class Evaluation(Wire):
    """Held-out evaluation: at every `every_points`-th decision point, and always at the last.

    `max_examples` are taken of each set, evenly spread over it, the same ones every time.
    `exact_match` and `judge` (a function that the operator registered) look at generated replies.
    `tasks` are those of lm-evaluation-harness that the operator allows.
    """

    every_points: int = Field(default=5, ge=1)
    max_examples: int = Field(default=500, ge=1)
    exact_match: bool = False
    judge: Name | None = None
    max_new_tokens: int = Field(default=64, ge=1)
    answer_marker: Text | None = None
    tasks: list[Name] = []


class Resources(Wire):
    """Where a trial runs and on how much.

    `gpus_per_trial` defaults to what the pool has (0 on a CPU pool); several share one model.
    `max_attempts` is how many attempts at a trial may raise before it is given up; three times as
    many may lose their worker.
    `per_device_train_batch_size` is the largest micro-batch; accumulation makes up the global
    batch, so results do not depend on it. Of the sweeps that wait for a pool, those of a higher
    `priority` go first.
    """

    pool: Name = "default"
    gpus_per_trial: float | None = Field(default=None, ge=0, allow_inf_nan=False)
    cpus_per_trial: float | None = Field(default=None, gt=0, allow_inf_nan=False)
    max_parallel: int | None = Field(default=None, ge=1, lt=LARGEST)
    per_device_train_batch_size: int | None = Field(default=None, ge=1)
    max_attempts: int = Field(default=3, ge=1, le=100)
    priority: int = Field(default=0, ge=-100, le=100)


class Checkpoints(Wire):
    """What stays on disk: the final weights of the `keep_best` configurations that are ranked
    first; where runs are repeated (`confirm`, an axis `seed`) those of the recommended one too. Of
    several seeds the best run's. Those of trials that may still go on stay in any case.

    `champion` is how the winner among them is registered in MLflow, under that alias: an adapter as
    it is, or `merged` into its base; `never` registers nothing.
    """

    keep_best: int = Field(default=1, ge=0, lt=LARGEST)
    champion: Literal["adapter", "merged", "never"] = "adapter"


class Budget(Wire):
    """What the sweep may spend at most."""

    trials: int | None = Field(default=None, ge=1, lt=LARGEST)
    gpu_hours: float | None = Field(default=None, gt=0, allow_inf_nan=False)
    wall_clock: Annotated[str, AfterValidator(_positive_clock)] | None = None


class Confirm(Wire):
    """Rerun the best `top` configurations on `seeds` fresh seeds each, once the search is over."""

    top: int = Field(ge=1, le=1000)
    seeds: int = Field(ge=1, le=1000)


class Baselines(Wire):
    """Rows beside the search, run before it and no part of its budget.

    `base` is the base model, evaluated without training: true needs a recipe that can, false wants
    none, left out it is there where the recipe can. `preset` is one whole run with the parameters
    of a shipped preset, whatever is searched; null wants none.
    """

    base: bool | None = None
    preset: Literal["tulu2", "tulu3-8b", "lab", "mistral-like"] | None = "tulu2"

    @model_serializer(mode="wrap")
    def _told(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """Null is said aloud: left out it would be the default."""
        return {**handler(self), "preset": self.preset}


class Parameters(Space):
    """The axes by name as the user writes them, `paired` and `exclude` standing beside them."""

    @model_validator(mode="before")
    @classmethod
    def _gather(cls, data: Any) -> Any:
        if not isinstance(data, dict):
            return data
        sides = {name: data[name] for name in ("paired", "exclude") if name in data}
        return {**sides, "axes": {k: v for k, v in data.items() if k not in sides}}

    @model_serializer(mode="wrap")
    def _scatter(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        plain = handler(self)
        axes: dict[str, Any] = plain.pop("axes")
        return {**axes, **{name: rows for name, rows in plain.items() if rows}}

    @classmethod
    def __get_pydantic_json_schema__(
        cls, core: CoreSchema, handler: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        """The schema of what is written, which `_gather` reads."""
        schema = handler.resolve_ref_schema(handler(core))
        axes = schema["properties"].pop("axes")
        schema["additionalProperties"] = axes["additionalProperties"]
        schema["required"] = []
        return schema


class Body(Wire):
    """The `spec:` block."""

    workload: Workload
    parameters: Parameters
    method: Method
    metric: Metric
    horizon: Horizon
    report: ReportPlan = ReportPlan()
    evaluation: Evaluation = Evaluation()
    pruning: Pruning = EarlyDynamics(type="early_dynamics")
    resources: Resources = Resources()
    budget: Budget = Budget()
    checkpoints: Checkpoints = Checkpoints()
    confirm: Confirm | None = None
    baselines: Baselines = Baselines()
    seed: int = Field(default=0, ge=0, lt=2**32)


class SweepSpec(Wire):
    """One sweep, whole. `parse` is the way in; a parsed spec dumps to what parses to itself."""

    apiVersion: Literal["sweeps/v1"]
    kind: Literal["Sweep"]
    metadata: Metadata
    spec: Body

    def dump(self) -> dict[str, Any]:
        """Plain JSON data with every default written out."""
        return self.model_dump(mode="json", exclude_none=True)


def parse(data: Any) -> SweepSpec:
    """Plain data -> SweepSpec. Raises SpecError with every fault, each with pointer and mend."""
    check_depth(data)
    check_text(data)
    try:
        return SweepSpec.model_validate(data)
    except ValidationError as error:
        raise SpecError(faults_of(error, data, SweepSpec)) from error


def parse_text(text: str) -> SweepSpec:
    """YAML or JSON text -> SweepSpec. Raises SpecError."""
    return parse(read_document(text))


def json_schema() -> dict[str, Any]:
    """The JSON Schema (2020-12) of a spec file."""
    schema = SweepSpec.model_json_schema(mode="validation")
    _close(schema)
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema}


def _close(place: Any) -> None:
    """Refuse keys that match no pattern; pydantic writes the pattern and leaves the rest open."""
    if isinstance(place, dict):
        if "patternProperties" in place:
            place["additionalProperties"] = False
        for inner in place.values():
            _close(inner)
    elif isinstance(place, list):
        for inner in place:
            _close(inner)
