"""A world: images made alone or together, and splits by patient."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest

from cxrbench.errors import BadRequest
from cxrbench.phantom.catalogue import LABELS
from cxrbench.phantom.world import PhantomWorld


@pytest.fixture(scope="module")
def world():
    return PhantomWorld(120, seed=0, size=48)


def test_an_image_is_the_same_alone_and_within_the_world(world):
    together = {
        (study.patient, study.number): world.render(study.patient, study.number).image
        for _, study in list(world)[:12]
    }
    for (patient, number), image in reversed(together.items()):
        alone = PhantomWorld(patient, seed=0, size=48).render(patient, number).image
        assert np.array_equal(alone, image)


def test_images_of_a_patient_differ(world):
    person = next(p for p in world.people if len(p.studies) > 1)
    first, second = (world.render(person.index, number).image for number in (0, 1))
    assert not np.array_equal(first, second)


def test_a_world_is_about_the_promised_size(world):
    assert len(list(world)) == len(world)
    assert 240 < len(world) < 360


@pytest.mark.parametrize("seed", range(4))
def test_splits_are_disjoint_by_patient_and_complete(seed):
    world = PhantomWorld(120, seed)
    parts = {n: {s.patient for s in world.splits[n]} for n in ("train", "val", "test")}
    assert [len(parts[n]) for n in ("train", "val", "test")] == [84, 12, 24]
    for one, other in combinations(parts.values(), 2):
        assert not one & other
    assert sum(len(world.splits[n]) for n in parts) == len(world)


@pytest.mark.parametrize("seed", range(4))
def test_a_small_world_has_positives_everywhere(seed):
    world = PhantomWorld(120, seed)
    for name in ("train", "val", "test"):
        found = {label for study in world.splits[name] for label in study.labels}
        assert found == set(LABELS), name


def test_few_label_subsets_are_nested_in_train(world):
    train, ten, one = (set(world.splits[n]) for n in ("train", "train_10", "train_1"))
    assert one < ten < train
    assert (len(one), len(ten)) == (24, 48)


def test_subsets_of_a_large_world_follow_the_share():
    world = PhantomWorld(1200, seed=1)
    n = len(world.splits["train"])
    assert len(world.splits["train_10"]) == -(-n // 10)


def test_another_seed_splits_otherwise(world):
    other = PhantomWorld(120, seed=1)
    assert {s.patient for s in world.splits["test"]} != {s.patient for s in other.splits["test"]}


def test_too_few_patients_cannot_be_split():
    with pytest.raises(BadRequest, match="cannot be split"):
        _ = PhantomWorld(5, seed=0).splits


@pytest.mark.parametrize("place", [(0, 0), (121, 0), (1, 99), (1, -1)])
def test_an_image_that_is_not_there_is_refused(world, place):
    with pytest.raises(BadRequest, match="no study"):
        world.render(*place)
