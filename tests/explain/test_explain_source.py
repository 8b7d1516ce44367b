"""Which images a request means, and how they are looked at."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from cxrbench.data.images import read_grey
from cxrbench.data.regions import Box
from cxrbench.data.samples import Sample
from cxrbench.data.transforms import apply_geometry
from cxrbench.errors import BadRequest
from cxrbench.explain.source import open_source
from cxrbench.explain.view import view
from cxrbench.image_spec import ImageSpec


def test_a_split_of_a_task_and_what_it_is_trained_on(registry, nih_root):
    task = registry.tasks.get("nih-10pct").card
    found = open_source(task, "val", {"nih": nih_root}, demo=False)
    assert (found.split, found.fitted) == ("val", "train_10")
    assert not set(found.shown.ids) & set(found.train.ids)
    assert found.data.labels == tuple(task.labels)


def test_a_list_of_a_data_set(registry, nih_root):
    card = registry.datasets.get("nih").card
    found = open_source(card, "test", {"nih": nih_root}, demo=False)
    assert (found.split, found.fitted) == ("test", "train")
    training = open_source(card, "train_1", {"nih": nih_root}, demo=False)
    assert (training.fitted, training.train) == (None, None)


def test_test_is_that_of_the_form_that_is_there(registry, tmp_path):
    from cxrbench_tasks.phantoms.mimic_cxr import write

    root = tmp_path / "mimic"
    write(root, patients=20, seed=0, size=32, form="cogaze")
    card = registry.datasets.get("mimic-cxr").card
    found = open_source(card, "test", {"mimic-cxr": root}, demo=False)
    assert (found.split, found.fitted) == ("cogaze_test", "cogaze_train")


@pytest.mark.parametrize("kind", ["task", "data set"])
def test_a_split_that_is_not_there(registry, nih_root, kind):
    card = registry.tasks.get("nih-1pct") if kind == "task" else registry.datasets.get("nih")
    with pytest.raises(BadRequest, match="has no split tset") as error:
        open_source(card.card, "tset", {"nih": nih_root}, demo=False)
    assert "test" in error.value.why


@pytest.fixture
def film(tmp_path):
    """A wide radiograph with a bright box."""
    pixels = np.full((100, 200), 40, np.uint8)
    pixels[20:60, 120:150] = 220
    Image.fromarray(pixels).save(tmp_path / "x.png")
    return Sample("x", "x", tmp_path / "x.png", shape=(100, 200))


@pytest.mark.parametrize("resize", ["squash", "short_side_crop", "pad_square"])
def test_what_is_marked_lies_on_what_is_seen(film, resize):
    spec = ImageSpec(size=(64, 64), resize=resize, mean=(0, 0, 0), std=(1, 1, 1))
    seen = view(film, spec, [Box(120, 20, 30, 40)])
    assert seen.grey.shape == seen.marked.shape == (448, 448)
    bright = seen.grey > 130
    assert (bright & seen.marked).sum() / (bright | seen.marked).sum() > 0.97


def test_a_large_input_is_seen_as_it_is(film):
    spec = ImageSpec(size=(448, 448), resize="squash", mean=(0, 0, 0), std=(1, 1, 1))
    seen = view(film, spec)
    np.testing.assert_array_equal(seen.grey, apply_geometry(read_grey(film.image), spec))
    assert seen.marked is None
