"""The reports section of a protocol."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from cxrbench.metrics.text.ids import FINDING_IDS, KEYWORD_RECALL, SECTION_IDS, parse_lexical
from cxrbench.runners.recipe import Optimizer, Recipe, Schedule, Section, Select


class Decoder(Section):
    """Sizes of a decoder that is trained from nothing; those of DistilGPT2 unless given."""

    dim: int = Field(default=768, gt=0)
    layers: int = Field(default=6, gt=0)
    heads: int = Field(default=12, gt=0)
    positions: int = Field(default=1024, gt=0, description="Longest text, in tokens.")
    dropout: float = Field(default=0.1, ge=0, lt=1)


class CrossAttention(Section):
    """GPT-2 that attends to the memory of the image."""

    name: Literal["cross-attention"]
    decoder: Decoder = Decoder()
    vocabulary: Literal["model", "learned"] = Field(
        default="model",
        description="`model`: the tokens that the encoder reads reports with, where it has such; "
        "`learned`: tokens learned of the training reports.",
    )
    tokens: int = Field(default=8192, ge=258, description="How many are learned at most.")
    hidden: list[str] = Field(
        default_factory=list, description="Tokens that the decoder never sees, but has to predict."
    )


class Relational(Section):
    """R2Gen's transformer with a relational memory, over words."""

    name: Literal["relational"]
    dim: int = Field(default=512, gt=0)
    layers: int = Field(default=3, gt=0)
    heads: int = Field(default=8, gt=0)
    least_count: int = Field(default=3, ge=1, description="Of a word that is known.")


class LanguageModel(Section):
    """A language model that reads the image as embeddings within its prompt."""

    name: Literal["language-model"]
    model: str = Field(description="Name on the hub, or a folder.")
    chat: str = Field(default="llama-3", description="How turns are marked.")
    prompt: str = Field(default="free-text", description="What is asked.")
    revision: str | None = Field(default=None, description="Of the hub; None: its newest.")
    lora_rank: int = Field(default=16, ge=0, description="0: the projection alone is trained.")
    lora_alpha: int = 16
    lora_dropout: float = Field(default=0.1, ge=0, lt=1)
    lora_modules: list[str] = Field(default_factory=lambda: ["q_proj", "v_proj"])
    weights: Literal["bf16", "16", "32"] = Field(default="bf16", description="Their precision.")
    four_bit: bool = False
    padding_side: Literal["left", "right"] = Field(
        default="left",
        description="`right` as a released code decodes; rows then depend on others.",
    )
    end_in_targets: bool = Field(
        default=True, description="Whether it learns to end a report; a released code does not."
    )
    similar_case: bool = Field(
        default=False, description="Whether the prompt holds the report of the nearest image."
    )
    diseases: bool = Field(
        default=False, description="Whether the prompt holds findings predicted from the image."
    )


Generator = Annotated[CrossAttention | Relational | LanguageModel, Field(discriminator="name")]


class Decoding(Section):
    """How reports are written."""

    beams: int = Field(default=1, ge=1)
    max_tokens: int = Field(default=100, ge=2, description="Of a report.")
    min_tokens: int = Field(default=0, ge=0, description="Of a language model's report.")
    stop: Literal["transformers", "released"] = Field(
        default="transformers", description="See `cxrbench.generation.search.STOP_RULES`."
    )
    block_ngrams: int | None = Field(
        default=None, ge=1, description="No run of so many tokens is written twice."
    )
    length_penalty: float = Field(default=1.0, description="Power of the length in a score.")


class Validation(Section):
    """How an epoch is judged."""

    decoding: Decoding = Decoding()
    samples: int | None = Field(default=None, gt=0, description="The first so many; None: all.")


class ReportRecipe(Recipe):
    """A recipe of report generation, with the settings of the task and the model merged in."""

    encoder: Literal["frozen", "finetune"]
    generator: Generator
    init: str | None = Field(
        default=None,
        description="Hash of the weights and tokens that a training of reports left and this one "
        "starts from, in place of new ones; see `cxrbench train-report --init`.",
    )
    text: list[Literal["findings", "impression"]] = Field(
        min_length=1,
        description="Sections of the report that are to be written, in order; images whose report "
        "has none of them are left out.",
    )
    views: int = Field(
        default=1, ge=1, description="Images of a study that are read together; 1: each by itself."
    )
    max_tokens: int = Field(default=200, ge=2, description="Of a report in training.")
    cut_references: int | None = Field(
        default=None, ge=1, description="Tokens of the generator after which references are cut."
    )
    select: Select
    validation: Validation = Validation()
    decoding: Decoding
    floors: bool = Field(default=True, description="Whether reports without a decoder are scored.")
    batch_size: int = 16
    accumulate: int = 1
    epochs: int
    validate_every: int = 1
    early_stop: int | None = Field(default=None, description="Validations without improvement.")
    drop_last: bool = False
    clip_grad_norm: float | None = None
    gradient_checkpointing: bool = False
    optimizer: Optimizer
    schedule: Schedule = Schedule(name="constant")

    @model_validator(mode="after")
    def _complete(self) -> ReportRecipe:
        if self.epochs < self.validate_every:
            raise ValueError("no epoch would be validated")
        longest = max(
            self.max_tokens, self.decoding.max_tokens, self.validation.decoding.max_tokens
        )
        own = self.generator
        if isinstance(own, CrossAttention) and own.decoder.positions < longest:
            raise ValueError(f"a decoder of {own.decoder.positions} positions, texts of {longest}")
        if self.cut_references is not None:
            whole = [name for name in self.metrics if _is_of_whole_references(name)]
            if whole:
                raise ValueError(f"{whole[0]} is of whole references, and these are cut")
        return self


def _is_of_whole_references(metric_id: str) -> bool:
    """Whether an id says that references are whole; those of clinical metrics do not tell."""
    told = parse_lexical(metric_id)
    if told is not None:
        return told.cut is None
    return metric_id in (*SECTION_IDS, *FINDING_IDS, KEYWORD_RECALL)
