"""Language models of the Hugging Face hub or a folder, and low-rank adapters for them."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.util import find_spec
from typing import Any, Literal, cast

import torch
from peft import LoraConfig, get_peft_model
from torch import nn
from transformers import (
    AutoModelForCausalLM,
    AutoTokenizer,
    BitsAndBytesConfig,
    PreTrainedModel,
    PreTrainedTokenizerBase,
)

from cxrbench.errors import BadRequest, WeightsError

DTYPES = {"bf16": torch.bfloat16, "16": torch.float16, "32": torch.float32}
DEFAULT_LLM = "meta-llama/Llama-3.2-3B-Instruct"


@dataclass(frozen=True)
class LoraSettings:
    """Low-rank adapters (arXiv 2106.09685).

    Attributes:
        rank: r.
        alpha: Their output is scaled by alpha / r.
        dropout: Of their input.
        modules: Last names of the layers that get one.
    """

    rank: int = 16
    alpha: int = 16
    dropout: float = 0.1
    modules: tuple[str, ...] = ("q_proj", "v_proj")


def load_llm(
    name: str = DEFAULT_LLM,
    *,
    revision: str | None = None,
    precision: Literal["bf16", "16", "32"] = "bf16",
    four_bit: bool = False,
) -> tuple[PreTrainedModel, PreTrainedTokenizerBase]:
    """A causal language model and its tokenizer; code that comes with a model is never run.

    Args:
        name: Of the hub, or a folder.
        revision: Of the hub; None: its newest.
        precision: Of the weights.
        four_bit: Keep the weights in four bits (NF4), which needs bitsandbytes and a GPU.

    Raises:
        BadRequest: When four bits are asked for and cannot be had.
        WeightsError: When it cannot be loaded.
    """
    dtype = DTYPES[precision]
    options: dict[str, Any] = {"dtype": dtype}
    if four_bit:
        _require_four_bit()
        options["quantization_config"] = BitsAndBytesConfig(  # type: ignore[no-untyped-call]
            load_in_4bit=True, bnb_4bit_quant_type="nf4", bnb_4bit_compute_dtype=dtype
        )
    try:
        tokenizer = AutoTokenizer.from_pretrained(name, revision=revision)
        model = AutoModelForCausalLM.from_pretrained(name, revision=revision, **options)
    except (OSError, ValueError) as error:
        raise WeightsError(
            f"cannot load the language model {name}",
            why=(str(error).strip().splitlines() or ["no reason given"])[0],
            fix="give the path of a folder that holds it, or accept its licence on the hub and "
            "log in there",
        ) from error
    return cast(PreTrainedModel, model), cast(PreTrainedTokenizerBase, tokenizer)


def with_adapters(model: PreTrainedModel, settings: LoraSettings | None) -> nn.Module:
    """The model frozen, with trainable adapters where settings are given.

    Raises:
        BadRequest: When the model has none of the layers that should get one.
    """
    model.requires_grad_(False)
    if settings is None:
        return model
    config = LoraConfig(
        r=settings.rank,
        lora_alpha=settings.alpha,
        lora_dropout=settings.dropout,
        target_modules=list(settings.modules),
        bias="none",
        task_type="CAUSAL_LM",
    )
    try:
        return cast(nn.Module, get_peft_model(model, config))
    except ValueError as error:
        raise BadRequest(
            f"{type(model).__name__} cannot be adapted",
            why=" ".join(str(error).split()),
            fix="name layers that it has in `modules` of the LoRA settings",
        ) from error


def _require_four_bit() -> None:
    lacking = []
    if find_spec("bitsandbytes") is None:
        lacking.append("bitsandbytes is not installed")
    if not torch.cuda.is_available():
        lacking.append("there is no GPU")
    if lacking:
        raise BadRequest(
            "weights in four bits cannot be had here",
            why=" and ".join(lacking),
            fix="pip install bitsandbytes on a machine with a GPU, or leave four bits out",
        )
