"""Prepared images and the comparison of a data set with its card."""

from __future__ import annotations

import os

import numpy as np
import pytest
from cxrbench_tasks.nih import open_nih
from PIL import Image

from cxrbench.data.prepared import prepare, prepared_store
from cxrbench.data.transforms import apply_geometry
from cxrbench.data.verify import compare, positives, undecodable
from cxrbench.errors import DataError
from cxrbench.image_spec import ImageSpec
from cxrbench.registry import Registry

SPEC = ImageSpec(size=(16, 12), resize="squash", mean=(0, 0, 0), std=(1, 1, 1))


@pytest.fixture(scope="module")
def card():
    return Registry.discover().tasks.get("nih-1pct").card


@pytest.fixture
def data(nih_copy, card):
    return open_nih(nih_copy, card)


def test_rows_are_the_resized_images(data, card):
    store = prepared_store(card.dataset, data, SPEC)
    samples = data.splits["test"].samples
    assert prepare(store, samples, SPEC) == len(samples)
    assert prepare(store, samples, SPEC) == 0
    for sample in samples:
        with Image.open(sample.image) as image:
            expected = apply_geometry(np.asarray(image.convert("L")), SPEC)
        assert np.array_equal(store[sample.id], expected)


def test_an_image_that_changed_is_decoded_again(data, card):
    samples = data.splits["test"].samples
    prepare(prepared_store(card.dataset, data, SPEC), samples, SPEC)
    Image.fromarray(np.full((40, 40), 7, np.uint8)).save(samples[3].image)
    os.utime(samples[3].image, ns=(10**18, 10**18))
    assert prepare(prepared_store(card.dataset, data, SPEC), samples, SPEC) == 1
    store = prepared_store(card.dataset, data, SPEC)
    assert (store[samples[3].id] == 7).all()
    assert prepare(store, samples, SPEC) == 0


def test_roots_and_geometries_have_stores_of_their_own(data, card, nih_root):
    other = open_nih(nih_root, card)
    wide = SPEC.model_copy(update={"size": (12, 16)})
    bright = SPEC.model_copy(update={"mean": (1.0, 1.0, 1.0)})
    first = prepared_store(card.dataset, data, SPEC).folder
    assert prepared_store(card.dataset, other, SPEC).folder != first
    assert prepared_store(card.dataset, data, wide).folder != first
    assert prepared_store(card.dataset, data, bright).folder == first


def test_a_broken_image_is_a_data_error_and_a_missing_one_too(data, card):
    samples = data.splits["test"].samples
    samples[-1].image.write_bytes(b"nothing")
    with pytest.raises(DataError, match="does not decode"):
        prepare(prepared_store(card.dataset, data, SPEC), samples, SPEC)
    samples[-1].image.unlink()
    with pytest.raises(DataError, match="is missing"):
        prepare(prepared_store(card.dataset, data, SPEC), samples, SPEC)


def test_a_phantom_is_shown_but_not_held_against_the_card(data, card):
    lines = compare(card, data)
    assert all(line.ok and line.expected == "–" for line in lines)
    images = {line.split: line.found for line in lines if line.what == "images"}
    assert images == {name: str(len(split)) for name, split in data.splits.items()}


def test_real_data_is_held_against_the_card(data, card):
    (data.root / "PHANTOM.json").unlink()
    wrong = {(line.split, line.what) for line in compare(card, data) if not line.ok}
    assert wrong == {("train", "images"), ("val", "images"), ("test", "images"),
                     ("val", "patients"), ("test", "patients")}  # fmt: skip
    expected = {line.split: line.expected for line in compare(card, data) if line.what == "images"}
    assert expected == {"train": "785", "val": "11,219", "test": "22,433"}


def test_positives_are_counted_from_the_table(data, card):
    text = (data.root / "Data_Entry_2017_v2020.csv").read_text().splitlines()
    labels = {row.split(",")[0]: row.split(",")[1].split("|") for row in text[1:]}
    expected = {
        name: {n: sum(n in labels[i] for i in split.ids) for n in card.labels}
        for name, split in data.splits.items()
    }
    assert positives(data) == expected


def test_undecodable_names_each_file(data):
    assert undecodable(data) == []
    broken = data.splits["val"].samples[0].image
    broken.write_bytes(b"nothing")
    (line,) = undecodable(data)
    assert str(broken) in line
