"""Grad-CAM against hand computations."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
import torch
from torch import nn

from cxrbench.encoder import ImageBatch, ImageFeatures
from cxrbench.explain.cam import grad_cam, obstacle

SPEC = SimpleNamespace(size=(12, 16))


class Grid(nn.Module):
    """A convolution of 3×4 cells; `pool` makes the vector."""

    image_spec = SPEC
    pooled_dim = 5

    def __init__(self, pool, trained=True):
        super().__init__()
        torch.manual_seed(0)
        self.conv = nn.Conv2d(3, 5, 4, stride=4).requires_grad_(trained)
        self.pool = pool

    def encode_image(self, batch):
        grid = self.conv(batch.pixels)
        return ImageFeatures(pooled=self.pool(grid), grid=grid)


class Aside(Grid):
    """Shows a copy of what it pools."""

    def encode_image(self, batch):
        grid = self.conv(batch.pixels)
        return ImageFeatures(pooled=self.pool(grid), grid=grid.clone())


class Through(Aside):
    def encode_through_grid(self, batch):
        return Grid.encode_image(self, batch)


def mean(grid):
    return grid.mean(dim=(2, 3))


@pytest.fixture
def batch():
    return ImageBatch(torch.randn(3, 3, 12, 16, generator=torch.Generator().manual_seed(1)))


@pytest.fixture
def score():
    generator = torch.Generator().manual_seed(2)
    return torch.randn(3, 5, generator=generator).double(), torch.randn(3, generator=generator)


@pytest.mark.parametrize("kind", [Grid, Through])
def test_of_a_mean_each_cell_is_its_share_of_the_score(batch, score, kind):
    encoder = kind(mean)
    maps, scores = grad_cam(encoder, batch, *score)
    weights, bias = score
    cells = encoder.conv(batch.pixels).detach().double()
    whole = torch.einsum("bc,bchw->bhw", weights, cells) / 12
    torch.testing.assert_close(maps.double(), whole.clamp_min(0), rtol=1e-4, atol=1e-6)
    torch.testing.assert_close(scores.double(), whole.sum((1, 2)) + bias, rtol=1e-4, atol=1e-6)
    assert (maps == 0).any()


def test_of_a_mean_of_squares_channels_weigh_by_their_mean_slope(batch, score):
    encoder = Grid(lambda grid: grid.square().mean(dim=(2, 3)))
    maps, _ = grad_cam(encoder, batch, *score)
    cells = encoder.conv(batch.pixels).detach().double()
    slope = 2 * score[0] * cells.mean(dim=(2, 3)) / 12
    wanted = torch.einsum("bc,bchw->bhw", slope, cells).clamp_min(0)
    torch.testing.assert_close(maps.double(), wanted, rtol=1e-4, atol=1e-6)


def test_an_image_has_a_map_of_its_own(batch, score):
    encoder, (weights, bias) = Grid(mean), score
    alone, _ = grad_cam(encoder, ImageBatch(batch.pixels[1:2]), weights[1:2], bias[1:2])
    torch.testing.assert_close(alone[0], grad_cam(encoder, batch, weights, bias)[0][1])


def test_no_gradient_is_left_behind(batch, score):
    encoder = Grid(mean)
    grad_cam(encoder, batch, *score)
    assert all(parameter.grad is None for parameter in encoder.parameters())


class Without(Grid):
    def encode_image(self, batch):
        return ImageFeatures(pooled=mean(self.conv(batch.pixels)))


@pytest.mark.parametrize(
    ("encoder", "reason"),
    [
        (Grid(mean), None),
        (Through(mean), None),
        (Aside(mean), "is not computed from its grid"),
        (Without(mean), "no grid"),
        (Grid(mean, trained=False), "no gradient"),
        (Grid(lambda grid: 0 * mean(grid)), "is not computed from its grid"),
    ],
)
def test_what_stands_in_the_way_is_said(encoder, reason):
    found = obstacle(encoder, "cpu")
    assert found is None if reason is None else reason in found
