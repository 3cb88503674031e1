"""What one trial trains: the model, its data, in which order, and how much of it."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from sweeps.space import LARGEST
from sweeps.spec.words import BLOCK, EITHER, TEXT, Name, Text
from sweeps.wire import Wire


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


Sets = Annotated[Annotated[Text, TEXT] | Annotated[dict[Name, Text], BLOCK], EITHER]


class Data(Wire):
    """Training and held-out examples: JSONL under the pool's data roots, or a hub id.

    `eval` may be a mapping name -> path; metrics are then `eval_<name>_loss`, as transformers'
    Trainer writes them. A file whose rows have `choices` asks multiple choice and gives
    `eval_<name>_accuracy` instead. `unseen` is written the same way and gives `unseen_<name>_loss`
    and so on: it is evaluated at a trial's end alone, nothing is searched or pruned by it, and
    finished trials are ranked by it; any recipe but `sft` is refused with it. `fields` maps the
    columns of a file to prompt and completion. `train` is left out where phases name their data.
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
        Annotated[Literal["all-linear"], TEXT]
        | Annotated[Annotated[list[Text], Field(min_length=1)], BLOCK],
        EITHER,
    ] = "all-linear"


class Workload(Wire):
    """What one trial trains."""

    recipe: Name = "sft"
    model: Annotated[Annotated[Text, TEXT] | Annotated[TinyModel, BLOCK], EITHER] | None = None
    data: Data | None = None
    strategy: Annotated[Annotated[Literal["stacked"], TEXT] | Annotated[Phased, BLOCK], EITHER] = (
        "stacked"
    )
    adapter: Adapter | None = None
    max_length: int = Field(default=1024, ge=8)
    options: dict[Name, bool | int | float | str] = {}
