"""`fixed_size` on a card is what the encoder does when it is given another size."""

from __future__ import annotations

import pytest
import torch

from cxrbench.encoder import ImageBatch
from cxrbench.registry import Registry, load_entry

CARDS = [
    entry.card for entry in Registry.discover().models.entries()
    if entry.provider.distribution == "cxrbench" and entry.card.preprocessing
    and "trainable" in entry.card.capabilities
]  # fmt: skip


def takes(card, side):
    """Whether the encoder makes a grid of the right channels of a square image; no values."""
    with torch.device("meta"), torch.inference_mode():
        encoder = load_entry(card.entry)(card).eval()
        try:
            features = encoder.encode_image(ImageBatch(pixels=torch.zeros(1, 3, side, side)))
        except (RuntimeError, AssertionError, ValueError) as error:
            if "on meta tensors" in str(error):
                pytest.skip("what it does depends on values")
            return False
    wide = card.dims.grid is None or features.grid.shape[1] == card.dims.grid[0]
    return wide and features.pooled.shape == (1, card.dims.pooled)


@pytest.mark.parametrize("card", CARDS, ids=lambda card: card.id)
def test_another_size_is_taken_unless_the_card_says_no(card):
    own = card.preprocessing.size[0]
    assert takes(card, own)
    assert takes(card, 224 if own != 224 else 256) is not card.fixed_size
