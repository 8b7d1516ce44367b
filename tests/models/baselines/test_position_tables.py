"""Positions at other sizes, against the coefficients of bicubic interpolation; maps of patches."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from cxrbench_models.parts.positions import bicubic_positions
from cxrbench_models.parts.vit import VisionTransformer
from timm.layers import resample_abs_pos_embed

from cxrbench.errors import RunError


def cubic(distance, a=-0.75):
    """Keys' kernel with the coefficient of torch and OpenCV."""
    x = abs(distance)
    if x <= 1:
        return (a + 2) * x**3 - (a + 3) * x**2 + 1
    return a * x**3 - 5 * a * x**2 + 8 * a * x - 4 * a if x < 2 else 0.0


def matrix(old, new):
    """new×old weights; outside the border its value goes on."""
    weights = np.zeros((new, old))
    for row in range(new):
        centre = (row + 0.5) * old / new - 0.5
        for tap in range(int(np.floor(centre)) - 1, int(np.floor(centre)) + 3):
            weights[row, min(max(tap, 0), old - 1)] += cubic(centre - tap)
    return weights


def table(side, dim=3):
    generator = torch.Generator().manual_seed(2)
    return torch.randn(1, side * side, dim, generator=generator, dtype=torch.float64)


def test_positions_are_resized_by_plain_bicubic_interpolation():
    positions = table(5)
    down, across = matrix(5, 8), matrix(5, 7)
    expected = np.einsum("ri,cj,ijd->rcd", down, across, positions.reshape(5, 5, 3).numpy())
    found = bicubic_positions(positions, (8, 7)).reshape(8, 7, 3)
    np.testing.assert_allclose(found.numpy(), expected, atol=1e-12)


def test_the_own_size_is_left_alone_and_timms_way_is_another():
    positions = table(8).float()
    assert bicubic_positions(positions, (8, 8)) is positions
    smaller = bicubic_positions(positions, (5, 5))
    theirs = resample_abs_pos_embed(positions, [5, 5], num_prefix_tokens=0)
    assert (smaller - theirs).abs().max() > 1e-2


def small():
    return VisionTransformer(img_size=64, depth=1, embed_dim=6, num_heads=1)


def test_patches_lie_in_the_map_as_in_the_image():
    image = small()
    tokens = torch.arange(17.0).reshape(1, 17, 1).expand(-1, -1, 6)  # CLS is 0
    wide = image.grid(tokens, image.shape(torch.zeros(1, 3, 32, 128)))[0, 0]
    assert wide.tolist() == [list(range(1, 9)), list(range(9, 17))]
    assert image.grid(tokens)[0, 0, 1].tolist() == [5, 6, 7, 8]


@pytest.mark.parametrize("shape", [None, (2, 6), (4, 5)])
def test_a_map_that_the_patches_do_not_fill_is_refused(shape):
    with pytest.raises(RunError, match="map"):
        small().grid(torch.zeros(1, 13 + (shape == (2, 6)), 6), shape)


def test_a_network_of_one_size_takes_no_other():
    with pytest.raises(AssertionError, match="match model"):
        small()(torch.zeros(1, 3, 32, 128))
