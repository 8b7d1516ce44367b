"""The report decoder of the released generation checkpoint."""

from __future__ import annotations

from cxrbench.cards import ModelCard
from cxrbench.generation.search import SearchSettings

from .tokenizer import SPECIAL_TOKENS

PREFIX = "language_model.encoder_decoder."
"""Of the decoder's tensors in the file, in front of the names transformers gives them."""
RELEASED_SEARCH = SearchSettings(beams=10, max_length=100, stop="released")
"""How the released code decodes free text; structured reports may be 150 tokens long."""
MAX_TOKENS = 200
"""Longest report in training."""
SEPARATOR = SPECIAL_TOKENS[2]
"""The released code hides it from the decoder; see `cxrbench.generation.teacher`."""


def for_decoder(card: ModelCard) -> ModelCard:
    """The card of the encoder after generation was trained, read as that of its decoder.

    Its first file fills a `CrossAttentionGenerator` of the same width: what the encoder ignores is
    read, and the encoder's tensors are ignored.
    """
    entry = card.weights[0].model_copy(
        update={"strip_prefix": [PREFIX], "rename": [], "ignore": [r"(?!language_model\.).*"]}
    )
    tied = [r"decoder\.lm_head\.weight"]  # the word embeddings, stored once
    return card.model_copy(update={"weights": [entry], "optional_tensors": tied})
