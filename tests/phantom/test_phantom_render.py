"""The drawn radiograph: anatomy where it belongs, findings where their masks say."""

from __future__ import annotations

import hashlib

import numpy as np
import pytest

from cxrbench.errors import BadRequest
from cxrbench.phantom.catalogue import CATALOGUE, LABELS
from cxrbench.phantom.patient import Finding, Patient, Study
from cxrbench.phantom.render import render

BRIGHTER = ("Atelectasis", "Consolidation", "Effusion", "Mass", "Pneumonia", "Pleural_Thickening")


def _draw(*findings, index=4, size=96, view="PA", seed=0):
    study = Study(index, 0, 55, view, tuple(findings))
    return render(Patient(index, "M", 55, (study,)), study, seed=seed, size=size)


def _finding(label, severity=0.7, side="right", zone=None, seed=11):
    kind = CATALOGUE[label]
    both = kind.spread in ("both", "midline")
    return Finding(label, ("right", "left") if both else (side,), zone or kind.zones[0],
                   severity, seed)  # fmt: skip


@pytest.fixture(scope="module")
def normal():
    return _draw()


def test_same_arguments_same_pixels_other_seed_other_pixels(normal):
    digest = hashlib.sha256(normal.image.tobytes()).digest()
    assert hashlib.sha256(_draw().image.tobytes()).digest() == digest
    assert not np.array_equal(_draw(seed=1).image, normal.image)


def test_lungs_are_darker_than_heart_and_abdomen(normal):
    image = normal.image.astype(float)
    lungs = normal.lungs & ~normal.heart
    assert image[lungs].mean() + 60 < image[normal.heart].mean()
    assert image[lungs].mean() + 60 < image[-6:, 40:56].mean()
    assert normal.image.dtype == np.uint8
    assert normal.image.shape == normal.lungs.shape == normal.heart.shape == (96, 96)


def test_heart_lies_to_the_patients_left_which_is_image_right(normal):
    columns = np.arange(96)
    heart, lungs = (np.average(columns, weights=m.sum(0)) for m in (normal.heart, normal.lungs))
    assert heart > lungs + 2


def test_lungs_come_in_two_halves_of_similar_size(normal):
    middle = int(np.average(np.arange(96), weights=normal.lungs.sum(0)))
    right, left = normal.lungs[:, :middle].sum(), normal.lungs[:, middle:].sum()
    assert 0.75 < right / left < 1.33
    assert 0.15 < normal.lungs.mean() < 0.5


@pytest.mark.parametrize("label", LABELS)
@pytest.mark.parametrize("severity", [0.02, 1.0])
@pytest.mark.parametrize("size", [32, 128])
def test_every_finding_leaves_a_region(label, severity, size):
    flat = _finding("Emphysema", 1.0)
    other = () if label == "Emphysema" else (flat,)
    for findings in ((_finding(label, severity),), (_finding(label, severity), *other)):
        mask = _draw(*findings, size=size).findings_masks[label]
        assert mask.dtype == np.bool_
        assert mask.shape == (size, size)
        assert mask.any()
        assert not mask.all()


@pytest.mark.parametrize("label", LABELS)
def test_every_finding_changes_pixels_more_the_severer(label, normal):
    change = [
        np.abs(_draw(_finding(label, s)).image.astype(float) - normal.image).mean()
        for s in (0.1, 1.0)
    ]
    assert 0 < change[0] < change[1]


@pytest.mark.parametrize("label", BRIGHTER)
@pytest.mark.parametrize("side", ["right", "left"])
def test_opacities_are_brighter_inside_the_mask_and_on_their_side(label, side, normal):
    drawn = _draw(_finding(label, 0.9, side=side))
    mask = drawn.findings_masks[label]
    change = drawn.image.astype(float) - normal.image
    assert change[mask].mean() > 8
    assert change[mask].mean() > change[~mask].mean() + 8
    columns = np.argwhere(mask)[:, 1]
    middle = np.average(np.arange(96), weights=normal.lungs.sum(0))
    assert (columns.mean() > middle) == (side == "left")


def test_pneumothorax_is_darker_at_its_edge_of_the_lung(normal):
    drawn = _draw(_finding("Pneumothorax", 1.0, side="left"))
    mask = drawn.findings_masks["Pneumothorax"]
    assert (drawn.image.astype(float) - normal.image)[mask].mean() < -4
    assert np.argwhere(mask)[:, 0].mean() < np.argwhere(normal.lungs)[:, 0].mean()


def test_cardiomegaly_widens_the_heart(normal):
    def ratio(drawn):
        heart, lungs = (np.flatnonzero(m.any(0)) for m in (drawn.heart, drawn.lungs))
        return np.ptp(heart) / np.ptp(lungs)

    enlarged = ratio(_draw(_finding("Cardiomegaly", 0.8)))
    assert ratio(normal) < 0.52 < enlarged


def test_emphysema_lengthens_the_lungs(normal):
    def height(drawn):
        return np.ptp(np.flatnonzero(drawn.lungs.sum(1) > 12))

    assert height(_draw(_finding("Emphysema", 1.0))) > height(normal)


def test_the_same_scene_at_another_size_looks_the_same(normal):
    large = _draw(size=192)
    small = large.image.reshape(96, 2, 96, 2).mean(axis=(1, 3))
    assert np.corrcoef(small.ravel(), normal.image.ravel().astype(float))[0, 1] > 0.99


def test_too_small_a_size_is_refused():
    with pytest.raises(BadRequest, match="8 px"):
        _draw(size=8)
