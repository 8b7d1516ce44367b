"""Pixel statistics against plain loops."""

from __future__ import annotations

import math

import pytest
import torch

from cxrbench.building import build, count_parameters
from cxrbench.encoder import ImageBatch, ImageEncoder
from cxrbench.registry import Registry
from cxrbench.weights.choice import resolve


@pytest.fixture(scope="module")
def encoder():
    card = Registry.discover().model("pixel-stats").card
    return build(card, resolve(card, None), seed=0)[0]


def by_hand(image):
    """The 92 numbers of a list of 64 rows of 64 values."""
    found = []
    for i in range(8):
        for j in range(8):
            cell = [image[8 * i + y][8 * j + x] for y in range(8) for x in range(8)]
            found.append(sum(cell) / 64)
    flat = [value for row in image for value in row]
    bins = [0] * 16
    for value in flat:
        bins[min(int(value * 16), 15)] += 1
    found += [count / len(flat) for count in bins]
    quarters = [[image[32 * i + y][32 * j + x] for y in range(32) for x in range(32)]
                for i in range(2) for j in range(2)]  # fmt: skip
    means = [sum(part) / len(part) for part in [*quarters, flat]]
    spreads = [
        math.sqrt(sum((v - mean) ** 2 for v in part) / len(part))
        for part, mean in zip([*quarters, flat], means, strict=True)
    ]
    ordered = sorted(flat)

    def percentile(share):
        place = share * (len(ordered) - 1)
        low = int(place)
        return ordered[low] + (place - low) * (ordered[low + 1] - ordered[low])

    whole = [means[4], spreads[4], percentile(0.05), percentile(0.95)]
    return [*found, *means[:4], *spreads[:4], *whole]


def batch(count=2):
    pixels = torch.rand(count, 1, 64, 64, generator=torch.Generator().manual_seed(1))
    pixels[0, 0, 0, 0], pixels[0, 0, 0, 1] = 1.0, 0.0
    return pixels.expand(-1, 3, -1, -1)


def test_every_number_is_that_of_a_loop(encoder):
    pixels = batch()
    found = encoder.encode_image(ImageBatch(pixels)).pooled
    assert found.shape == (2, encoder.pooled_dim) == (2, 92)
    assert found.dtype == torch.float32
    expected = torch.tensor([by_hand(image[0].tolist()) for image in pixels])
    torch.testing.assert_close(found, expected, rtol=1e-5, atol=1e-6)


def test_an_image_does_not_depend_on_its_batch(encoder):
    pixels = batch(5)
    whole = encoder.encode_image(ImageBatch(pixels)).pooled
    alone = torch.cat([encoder.encode_image(ImageBatch(p[None])).pooled for p in pixels])
    assert torch.equal(whole, alone)


def test_it_is_an_encoder_without_weights_or_parameters(encoder):
    card = Registry.discover().model("pixel-stats").card
    assert isinstance(encoder, ImageEncoder)
    assert encoder.image_spec == card.preprocessing
    assert card.dims.pooled == encoder.pooled_dim
    assert count_parameters(card) is None
    assert resolve(card, None).source == "none"
    with pytest.raises(ValueError, match="pixels"):
        encoder.encode_image(ImageBatch(None, trunk=torch.zeros(1, 2)))
