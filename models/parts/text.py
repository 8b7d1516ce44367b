"""Text towers: a BERT or RoBERTa with its tokenizer."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pydantic import Field
from torch import Tensor, nn
from transformers import BertConfig, BertModel, RobertaConfig, RobertaModel

from cxrbench.errors import WeightsError

from .settings import Settings
from .tokenizer import Kind, TextTokenizer
from .tokens import Tokens

ROLES = ("tokenizer", "vocabulary", "merges")
"""Names that a card gives to the files of a tokenizer."""


class TextSettings(Settings):
    """A text tower; the defaults are those of BERT-base with the cased vocabulary."""

    kind: Kind = "bert"
    vocab_size: int = 28996
    dim: int = 768
    layers: int = 12
    heads: int = 12
    intermediate: int = 3072
    positions: int = 512
    types: int = 2
    eps: float = 1e-12
    pooler: bool = False
    max_tokens: int = Field(default=512, description="Longer texts are cut on the right.")
    lowercase: bool = False
    special_ids: tuple[int, int, int, int] | None = Field(
        default=None, description="Of start, padding, end, unknown; None: the first BERT's."
    )


class TextTower(nn.Module):
    """Texts to hidden states; the transformer is under the key `bert`.

    Args:
        settings: Sizes and tokenizer.
    """

    def __init__(self, settings: TextSettings) -> None:
        super().__init__()
        self.settings = settings
        self._files: dict[str, Path] = {}
        self.tokenizer = self._tokenizer()
        sizes: dict[str, Any] = {
            "vocab_size": settings.vocab_size,
            "hidden_size": settings.dim,
            "num_hidden_layers": settings.layers,
            "num_attention_heads": settings.heads,
            "intermediate_size": settings.intermediate,
            "max_position_embeddings": settings.positions,
            "type_vocab_size": settings.types,
            "layer_norm_eps": settings.eps,
            "pad_token_id": self.tokenizer.pad_id,
        }
        self.bert: Any = (
            BertModel(BertConfig(**sizes), add_pooling_layer=settings.pooler)
            if settings.kind == "bert"
            else RobertaModel(RobertaConfig(**sizes), add_pooling_layer=settings.pooler)
        )

    def use_file(self, name: str, path: Path) -> None:
        """Take a file of the tokenizer, by its name on the card.

        Raises:
            WeightsError: When the name is no role of a tokenizer, or the file does not fit.
        """
        if name not in ROLES:
            raise WeightsError(
                f"the text encoder has no use for the file {name}",
                why=f"{path}: it reads {', '.join(ROLES)}",
                fix="correct the weights of the card",
            )
        self._files[name] = path
        if not ({"vocabulary", "merges"} & set(self._files)) or len(self._files) > 1:
            self.tokenizer = self._tokenizer()

    def tokens(self, texts: Sequence[str]) -> Tokens:
        """Tokenise texts, on the device of the tower."""
        return self.tokenizer(texts).to(self.bert.device)

    def forward(self, tokens: Tokens, **arguments: Any) -> Any:
        """The output of the transformer with `hidden_states`: the embeddings, then each layer.

        Args:
            tokens: B texts of N tokens.
            **arguments: More of transformers, such as `position_ids`.
        """
        return self.bert(
            input_ids=tokens.ids,
            attention_mask=tokens.mask.long(),
            output_hidden_states=True,
            **arguments,
        )

    def _tokenizer(self) -> TextTokenizer:
        settings = self.settings
        return TextTokenizer(
            settings.kind,
            settings.max_tokens,
            lowercase=settings.lowercase,
            special_ids=settings.special_ids,
            files=self._files,
        )


def mean_of_own(states: Tensor, mask: Tensor) -> Tensor:
    """B×N×D states to B×D: the mean over a text's own tokens."""
    weight = mask.unsqueeze(-1).to(states.dtype)
    return (states * weight).sum(dim=1) / weight.sum(dim=1)
