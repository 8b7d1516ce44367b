"""Masks on their way to an encoder's input and back, and the store they are kept in."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from cxrbench.data import prepared_masks
from cxrbench.data.mask_geometry import HALF, from_input, reread, to_input
from cxrbench.data.prepared_masks import TrueMasks
from cxrbench.data.regions import Box, Ellipse, MaskFile, draw
from cxrbench.data.samples import LabelledImages, Sample
from cxrbench.errors import DataError
from cxrbench.image_spec import ImageSpec

SPEC = ImageSpec(size=(64, 64), resize="squash", mean=(0,) * 3, std=(1,) * 3)
POLICIES = ["squash", "short_side_crop", "pad_square"]
CARD = SimpleNamespace(name="x")


def iou(first, second):
    return (first & second).sum() / (first | second).sum()


def back(mask, shape, spec):
    return from_input(mask.astype(np.float32), shape, spec) >= HALF


@settings(max_examples=60, deadline=None)
@given(
    st.sampled_from(POLICIES),
    st.sampled_from(["bilinear", "bicubic", "lanczos"]),
    st.tuples(st.integers(90, 400), st.integers(90, 400)),
    st.tuples(st.integers(60, 130), st.integers(60, 130)),
    st.integers(0, 2**20),
)
def test_a_box_comes_back_where_it_was(resize, interpolation, shape, size, seed):
    spec = SPEC.model_copy(update={"size": size, "resize": resize, "interpolation": interpolation})
    height, width = shape
    # In the middle, where every policy shows it, and twenty input pixels large at least.
    short = min(shape)
    side = int(short * 0.45)
    rng = np.random.default_rng(seed)
    y, x = (int((length - side) / 2 + rng.uniform(-0.02, 0.02) * short) for length in shape)
    if resize == "short_side_crop" and max(shape) > 1.6 * short:
        return
    mask = draw([Box(x, y, side, side)], height, width)
    shown = to_input(mask, spec)
    assert shown.shape == size
    if resize == "short_side_crop" and max(size) > 1.4 * min(size):
        return  # the window cuts the box
    pixels = side * min(size) / max(shape)
    assert iou(back(shown, shape, spec), mask) > 1 - 6 / pixels


@pytest.mark.parametrize("resize", POLICIES)
@pytest.mark.parametrize("shape", [(256, 256), (300, 200), (200, 300)])
def test_boxes_of_ordinary_size_are_nearly_unchanged(resize, shape):
    spec = SPEC.model_copy(update={"size": (224, 224), "resize": resize})
    mask = draw([Box(70, 80, 61, 47)], *shape)
    assert iou(back(to_input(mask, spec), shape, spec), mask) > 0.95


@pytest.mark.parametrize(
    ("resize", "crop", "rows", "columns"),
    [
        ("squash", 1.0, (0, 90), (0, 60)),
        ("pad_square", 1.0, (0, 90), (0, 60)),
        # The short side of 60 gives the scale; 15 of 90 rows are cut off above and below.
        ("short_side_crop", 1.0, (15, 75), (0, 60)),
        ("short_side_crop", 0.5, (30, 60), (15, 45)),
        ("squash", 0.5, (22.5, 67.5), (15, 45)),
    ],
)
def test_what_the_input_does_not_show_is_not_predicted(resize, crop, rows, columns):
    spec = SPEC.model_copy(update={"resize": resize, "crop_fraction": crop})
    found = from_input(np.ones((64, 64), np.float32), (90, 60), spec)
    y, x = np.arange(90)[:, None] + 0.5, np.arange(60)[None] + 0.5
    shown = (y >= rows[0]) & (y < rows[1]) & (x >= columns[0]) & (x < columns[1])
    np.testing.assert_array_equal(found >= HALF, shown)
    # Nothing bleeds in from what is not shown.
    assert set(np.unique(found)) <= {0.0, 1.0}


def test_probabilities_are_scaled_before_they_are_cut():
    given_ = np.zeros((64, 64), np.float32)
    given_[:, 32:] = 0.9
    found = from_input(given_, (64, 640), SPEC)
    assert found.dtype == np.float32
    edge = found[0, 300:340]
    assert np.all(np.diff(edge) >= 0)
    assert ((edge > 0.1) & (edge < 0.8)).sum() > 3, "a slope, not a step"
    # 0.5 is crossed a little right of the middle, since 0.9 is not 1.
    assert np.argmax(found[0] >= HALF) in (320, 321)


@pytest.mark.parametrize("resize", POLICIES)
def test_a_mask_lies_as_its_image_does(resize):
    """A bright spot of the image and its mask come to lie on the same pixels."""
    from cxrbench.data.transforms import apply_geometry

    spec = SPEC.model_copy(update={"resize": resize})
    mask = draw([Ellipse(40, 50, 75, 95)], 150, 120)
    image = apply_geometry(np.where(mask, np.uint8(255), np.uint8(0)), spec)
    np.testing.assert_array_equal(to_input(mask, spec), image > 127)


def test_corners_read_as_size_by_hand():
    """The box (2, 1) to (5, 4) of an 8×9 image: 3 wide and high, read as 5 wide and 4 high."""
    box = Box(2, 1, 3, 3, label="a")
    (changed,) = reread((box,), "corners-as-size")
    assert changed == Box(2, 1, 5, 4, label="a")
    expected = np.zeros((8, 9), bool)
    expected[1:5, 2:7] = True
    np.testing.assert_array_equal(draw([changed], 8, 9), expected)
    # A box near the lower right corner leaves the image, and is cut off there.
    (wide,) = reread((Box(6, 5, 2, 2),), "corners-as-size")
    expected = np.zeros((8, 9), bool)
    expected[5:8, 6:9] = True
    np.testing.assert_array_equal(draw([wide], 8, 9), expected)
    other = Ellipse(1, 1, 4, 4)
    assert reread((other, box), "corners-as-size")[0] is other
    assert reread((box,), "as-drawn") == (box,)


def test_ellipses_read_as_boxes_by_hand():
    """The ellipse in the box from (2, 1) to (5, 4), filled to its corners."""
    box, ellipse = Box(0, 6, 1, 1), Ellipse(2, 1, 5, 4, "a")
    taken = reread((box, ellipse), ellipses="as-boxes")
    assert taken == (box, Box(2, 1, 3, 3, "a"))
    assert reread((Ellipse(5, 4, 2, 1),), ellipses="as-boxes") == (Box(2, 1, 3, 3),)
    expected = np.zeros((8, 9), bool)
    expected[1:4, 2:5] = True
    expected[6, 0] = True
    np.testing.assert_array_equal(draw(taken, 8, 9), expected)
    assert reread((box, ellipse)) == (box, ellipse)
    # A box that is read wrongly is one that was drawn as a box.
    assert reread((ellipse,), "corners-as-size", "as-boxes") == (Box(2, 1, 3, 3, "a"),)


def samples_of(folder):
    truth = np.zeros((40, 30), bool)
    truth[10:30, 5:20] = True
    Image.fromarray((truth * 255).astype(np.uint8)).save(folder / "mask.png")
    told = {
        "box": (Box(4, 6, 12, 20),),
        "empty": (),
        "file": (MaskFile(folder / "mask.png"),),
        "two": (Box(0, 0, 10, 10), Ellipse(12, 12, 28, 36)),
    }
    return [
        Sample(id=name, patient=name, image=Path(), regions=regions, shape=(40, 30))
        for name, regions in told.items()
    ]


@pytest.fixture
def store(tmp_path, monkeypatch):
    monkeypatch.setenv("CXRBENCH_CACHE", str(tmp_path / "cache"))
    data = LabelledImages(tmp_path, "x", ("x",), {})
    return lambda boxes="as-drawn", spec=SPEC, ellipses="as-drawn": TrueMasks.of(
        CARD, data, spec, boxes, ellipses
    )


def test_masks_are_drawn_once_and_read_back(store, tmp_path, monkeypatch):
    samples = samples_of(tmp_path)
    masks = store()
    assert masks.prepare(samples) == 3, "an empty mask takes no room"
    assert store().prepare(samples) == 0
    monkeypatch.setattr(prepared_masks, "draw", None)
    for sample in samples:
        np.testing.assert_array_equal(store()[sample], to_input(sample.mask, SPEC))
    assert not store()[samples[1]].any()


def test_masks_are_drawn_again_when_what_they_are_drawn_from_changes(store, tmp_path):
    import os

    samples = samples_of(tmp_path)
    store().prepare(samples)
    stat = (tmp_path / "mask.png").stat()
    Image.fromarray(np.zeros((40, 30), np.uint8)).save(tmp_path / "mask.png")
    os.utime(tmp_path / "mask.png", ns=(stat.st_atime_ns, stat.st_mtime_ns + 10**6))
    samples[0] = Sample(
        id="box", patient="box", image=Path(), regions=(Box(1, 1, 9, 9),), shape=(40, 30)
    )
    masks = store()
    assert masks.prepare(samples) == 2
    assert not masks[samples[2]].any()
    np.testing.assert_array_equal(masks[samples[0]], to_input(samples[0].mask, SPEC))


def test_geometries_and_readings_of_boxes_have_stores_of_their_own(store, tmp_path):
    samples = samples_of(tmp_path)
    wide = SPEC.model_copy(update={"size": (32, 48)})
    stores = [store(), store("corners-as-size"), store(spec=wide), store(ellipses="as-boxes")]
    for masks in stores:
        assert masks.prepare(samples) == 3
    assert len({masks.store.folder for masks in stores}) == 4
    box = samples[0]
    assert stores[1].original(box).sum() > stores[0].original(box).sum()
    assert stores[2][box].shape == (32, 48)
    rounded = samples[3]
    assert stores[3].original(rounded).sum() > stores[0].original(rounded).sum()
    assert stores[3][rounded].sum() > stores[0][rounded].sum()


def test_an_image_that_nobody_looked_at_is_refused(store):
    sample = Sample(id="a", patient="a", image=Path(), regions=None, shape=(4, 4))
    with pytest.raises(DataError, match="no mask"):
        store().prepare([sample])
