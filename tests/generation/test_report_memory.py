"""What a decoder reads of encoders of each kind."""

from __future__ import annotations

import pytest
import torch

from cxrbench.encoder import ImageBatch, ImageFeatures, ReportMemory
from cxrbench.errors import BadRequest
from cxrbench.generation.memory import memory_of

POOLED, LATENTS = torch.zeros(2, 4), torch.randn(2, 3, 4)
GRID = torch.arange(2 * 4 * 2 * 3).reshape(2, 4, 2, 3).float()
BATCH = ImageBatch(torch.zeros(2, 3, 8, 8), context=["a", "b"])


class Plain:
    image_spec, pooled_dim = None, 4

    def __init__(self, **features):
        self.features = ImageFeatures(POOLED, **features)

    def encode_image(self, batch):
        assert batch is BATCH
        return self.features


class Offers(Plain):
    def report_memory(self, batch):
        return LATENTS[:, :1] if batch is BATCH else None


def test_a_grid_is_read_row_by_row():
    found = memory_of(Plain(grid=GRID), BATCH)
    assert found.shape == (2, 6, 4)
    assert torch.equal(found[1, 4], GRID[1, :, 1, 1])


def test_latents_are_read_rather_than_a_grid():
    assert memory_of(Plain(grid=GRID, latents=LATENTS), BATCH) is LATENTS


def test_what_an_encoder_offers_comes_first():
    encoder = Offers(grid=GRID, latents=LATENTS)
    assert isinstance(encoder, ReportMemory) and not isinstance(Plain(), ReportMemory)
    assert torch.equal(memory_of(encoder, BATCH), LATENTS[:, :1])


def test_one_vector_is_not_enough():
    with pytest.raises(BadRequest, match="Plain cannot be asked for reports"):
        memory_of(Plain(), BATCH)
