"""Geometry and normalisation against expectations made by hand and against the references."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from torchvision.transforms import v2
from torchvision.transforms.v2 import functional as F

from cxrbench.data.transforms import apply_geometry, normalise
from cxrbench.image_spec import ImageSpec


def spec(size, resize, **more):
    return ImageSpec(size=size, resize=resize, mean=(0, 0, 0), std=(1, 1, 1), **more)


def noise(height, width):
    return np.random.default_rng(height * width).integers(0, 256, (height, width), dtype=np.uint8)


def test_squash_halves_each_side_on_its_own():
    image = np.array([[0, 0, 200, 200], [0, 0, 200, 200]], np.uint8)
    found = apply_geometry(image, spec((1, 4), "squash", interpolation="bilinear"))
    assert found.tolist() == [[0, 0, 200, 200]]
    found = apply_geometry(np.repeat(image, 4, axis=1), spec((2, 4), "squash"))
    assert found.shape == (2, 4)
    assert (found[:, 0] < 20).all()
    assert (found[:, 3] > 180).all()


@pytest.mark.parametrize("resize", ["squash", "short_side_crop", "pad_square"])
def test_an_image_of_the_right_size_is_left_alone(resize):
    image = noise(8, 8)
    assert np.array_equal(apply_geometry(image, spec((8, 8), resize)), image)


def test_crop_takes_the_centre_columns_of_a_wide_image():
    image = noise(4, 10)
    assert np.array_equal(apply_geometry(image, spec((4, 4), "short_side_crop")), image[:, 3:7])


def test_crop_takes_the_centre_rows_of_a_tall_image():
    image = noise(10, 4)
    assert np.array_equal(apply_geometry(image, spec((4, 4), "short_side_crop")), image[3:7])


@pytest.mark.parametrize(("width", "left"), [(5, 0), (7, 2), (9, 2), (11, 4)])
def test_half_a_pixel_of_a_crop_goes_to_the_even_side(width, left):
    image = noise(4, width)
    found = apply_geometry(image, spec((4, 4), "short_side_crop"))
    assert np.array_equal(found, image[:, left : left + 4])


def test_crop_fraction_scales_beyond_the_size_first():
    image = noise(10, 10)
    cropped = apply_geometry(image, spec((8, 8), "short_side_crop", crop_fraction=0.8))
    assert np.array_equal(cropped, image[1:9, 1:9])


def test_pad_puts_black_beside_a_tall_image_and_above_a_wide_one():
    tall = noise(8, 4) | 1
    found = apply_geometry(tall, spec((8, 8), "pad_square"))
    assert np.array_equal(found[:, 2:6], tall)
    assert not found[:, :2].any()
    assert not found[:, 6:].any()
    assert np.array_equal(apply_geometry(tall.T.copy(), spec((8, 8), "pad_square")), found.T)


def test_a_padded_square_can_be_cropped_too():
    tall = noise(10, 4) | 1
    found = apply_geometry(tall, spec((8, 8), "pad_square", crop_fraction=0.8))
    assert np.array_equal(found[:, 2:6], tall[1:9])
    assert not found[:, :2].any() and not found[:, 6:].any()


def test_pad_scales_the_long_side_to_the_size():
    found = apply_geometry(np.full((40, 20), 200, np.uint8), spec((10, 10), "pad_square"))
    assert (found[:, 3:7] == 200).all()
    assert np.count_nonzero(found.any(axis=0)) in (5, 6)
    assert found.any(axis=1).all()


@settings(max_examples=60, deadline=None)
@given(
    st.tuples(st.integers(1, 60), st.integers(1, 60)),
    st.tuples(st.integers(1, 40), st.integers(1, 40)),
    st.sampled_from(["squash", "short_side_crop", "pad_square"]),
    st.sampled_from(["bilinear", "bicubic", "lanczos"]),
    st.floats(0.3, 1),
)
def test_the_output_has_the_size_of_the_spec(source, size, resize, interpolation, fraction):
    wanted = spec(size, resize, interpolation=interpolation, crop_fraction=fraction)
    found = apply_geometry(np.full(source, 77, np.uint8), wanted)
    assert found.shape == size
    assert found.dtype == np.uint8
    # A flat image stays flat, so a crop must never reach beyond the border.
    assert set(np.unique(found)) <= ({0, 77} if resize == "pad_square" else {77})


@pytest.mark.parametrize("name", ["bicubic", "bilinear"])
@pytest.mark.parametrize("fraction", [1.0, 0.9, 0.8])
@pytest.mark.parametrize("shape", [(97, 131), (131, 97), (64, 64), (70, 101), (300, 211)])
def test_short_side_crop_equals_torchvision(shape, fraction, name):
    image = noise(*shape)
    mode = v2.InterpolationMode(name)
    scaled = F.resize(Image.fromarray(image), [int(32 / fraction)], interpolation=mode)
    found = apply_geometry(
        image, spec((32, 32), "short_side_crop", interpolation=name, crop_fraction=fraction)
    )
    assert np.array_equal(found, np.asarray(F.center_crop(scaled, [32, 32])))


def test_squash_equals_pillow_with_antialiasing():
    image = noise(90, 70)
    expected = Image.fromarray(image).resize((20, 30), Image.Resampling.LANCZOS)
    found = apply_geometry(image, spec((30, 20), "squash", interpolation="lanczos"))
    assert np.array_equal(found, np.asarray(expected))


def test_squash_with_a_crop_fraction_takes_the_centre_of_both_sides():
    image = noise(90, 70)
    scaled = Image.fromarray(image).resize((25, 37), Image.Resampling.BICUBIC)  # floor(x / 0.8)
    found = apply_geometry(image, spec((30, 20), "squash", crop_fraction=0.8))
    assert np.array_equal(found, np.asarray(F.center_crop(scaled, [30, 20])))


def test_normalise_against_arithmetic():
    pixels = torch.tensor([[[0, 51], [204, 255]]], dtype=torch.uint8)
    wanted = ImageSpec(size=(2, 2), resize="squash", mean=(0, 0.2, 0.5), std=(1, 0.5, 0.25))
    found = normalise(pixels, wanted)
    assert found.shape == (1, 3, 2, 2)
    assert found.dtype == torch.float32
    expected = torch.tensor([[[0, 0.2], [0.8, 1]], [[-0.4, 0], [1.2, 1.6]], [[-2, -1.2], [1.2, 2]]])
    torch.testing.assert_close(found[0], expected)
    assert pixels.tolist() == [[[0, 51], [204, 255]]]


def test_the_geometry_name_tells_apart_what_changes_pixels():
    base = {"size": (8, 9), "resize": "squash", "mean": (0, 0, 0), "std": (1, 1, 1)}
    changes = [{}, {"size": (9, 8)}, {"resize": "pad_square"}, {"interpolation": "lanczos"},
               {"crop_fraction": 0.875}]  # fmt: skip
    names = {ImageSpec(**{**base, **change}).geometry for change in changes}
    assert len(names) == len(changes)
    assert ImageSpec(**{**base, "mean": (1, 1, 1)}).geometry == ImageSpec(**base).geometry
