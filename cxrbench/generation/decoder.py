"""GPT-2 with cross-attention: the decoder of a report generator, in the shape of DistilGPT2."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field
from transformers import GPT2Config, GPT2LMHeadModel


class DecoderSettings(BaseModel):
    """Sizes of the decoder; those of DistilGPT2 unless given."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    vocab_size: int = Field(default=50265, gt=0, description="Tokens, special ones included.")
    dim: int = Field(default=768, gt=0)
    layers: int = Field(default=6, gt=0)
    heads: int = Field(default=12, gt=0)
    positions: int = Field(default=1024, gt=0, description="Longest text, in tokens.")
    dropout: float = Field(default=0.1, ge=0, lt=1)


def build_decoder(settings: DecoderSettings) -> GPT2LMHeadModel:
    """A decoder with random weights; its output layer is tied to the word embeddings.

    Every layer attends to the text so far, then to the memory, then goes through its MLP. The
    activation is GPT-2's, the tanh approximation of GELU.
    """
    return GPT2LMHeadModel(
        GPT2Config(
            vocab_size=settings.vocab_size,
            n_positions=settings.positions,
            n_embd=settings.dim,
            n_layer=settings.layers,
            n_head=settings.heads,
            resid_pdrop=settings.dropout,
            embd_pdrop=settings.dropout,
            attn_pdrop=settings.dropout,
            add_cross_attention=True,
            # The tokenizer knows the special tokens; GPT-2's own ids need not exist here.
            bos_token_id=None,
            eos_token_id=None,
        )
    )
