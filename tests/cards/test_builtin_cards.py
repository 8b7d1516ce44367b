"""The cards that ship: valid, complete, and about what they say."""

from __future__ import annotations

import re
from importlib import import_module
from importlib.resources import files

import pytest
import yaml

from cxrbench.metrics.registry import get_metric
from cxrbench.registry import Registry, load_entry
from cxrbench.runners.base import get_runner

REGISTRY = Registry.discover()
MODELS = [e.card for e in REGISTRY.models.entries() if e.provider.distribution == "cxrbench"]
TASKS = [e.card for e in REGISTRY.tasks.entries() if e.provider.distribution == "cxrbench"]
DATASETS = [e.card for e in REGISTRY.datasets.entries() if e.provider.distribution == "cxrbench"]
PROTOCOLS = [e.card for e in REGISTRY.protocols.entries() if e.provider.distribution == "cxrbench"]


def by_id(cards):
    return pytest.mark.parametrize("card", cards, ids=lambda card: card.id)


def ids_in(package):
    found = []
    for file in files(package).iterdir():
        if file.name.endswith(".yaml"):
            content = yaml.safe_load(file.read_text())
            if set(content) == {"dataset"}:
                continue
            for family in content.get("tasks", [content]):
                found += list(family.get("variants", {family.get("id"): None}))
    return sorted(found)


def test_every_file_became_its_cards_and_none_is_broken():
    assert REGISTRY.problems == []
    assert sorted(card.id for card in MODELS) == ids_in("cxrbench_models")
    assert sorted(card.id for card in TASKS) == ids_in("cxrbench_tasks")
    found = sorted([card.id for card in PROTOCOLS] + REGISTRY.modes.ids())
    assert found == ids_in("cxrbench_tasks.protocols")


def test_protocol_ids_carry_a_version():
    assert {card.id for card in PROTOCOLS} == {
        "strict@1", "cogaze@1", "benchx@1", "linear-probe@1", "frozen@1", "language-model@1",
        "cogaze-language-model@1",
    }  # fmt: skip


@by_id(MODELS)
def test_a_model_card_is_complete(card):
    assert callable(load_entry(card.entry))
    assert card.title
    assert "image" in card.capabilities
    assert len({file.name for file in card.weights}) == len(card.weights)
    withheld = any(file.access == "none" for file in card.weights)
    assert (card.status == "no-weights") == (not card.weights or withheld)
    if card.is_pattern:
        assert callable(load_entry(card.expand))
    else:
        assert card.preprocessing is not None
        assert card.dims.pooled is not None
    for file in card.weights:
        assert file.licence
        assert card.is_pattern or file.source == "manual" or file.repo
        for pattern in [*file.ignore, *(old for old, _ in file.rename)]:
            re.compile(pattern)
        if file.sha256 is not None:
            assert re.fullmatch(r"[0-9a-f]{64}", file.sha256)


@by_id(TASKS)
def test_a_task_card_is_complete(card):
    assert set(card.splits) == set(card.uses)
    assert len(set(card.labels)) == len(card.labels)
    assert card.labels or card.type == "reports"
    assert card.default_protocol in card.protocols
    for split in card.splits.values():
        assert split.n > 0
    assert card.shareable == (card.dataset.access != "credentialed")


@by_id(DATASETS)
def test_a_data_set_card_is_complete(card):
    assert callable(load_entry(card.entry))
    assert callable(load_entry(card.phantom))
    assert set(card.phantom_settings) >= {"patients", "seed", "size"}
    assert card.licence
    assert card.layout
    assert card.access == "open" or card.terms
    assert card.paper is not None
    for split in card.splits.values():
        # Sizes may be unknown where a split was never published and is drawn or told.
        assert split.n is None or split.n > 0
        assert split.n is not None or not split.url
        assert split.url == "" or split.url.startswith("https://")
        assert set(split.positives or {}) <= set(card.labels)
        assert split.form == "" or split.form in card.phantom_forms
    known = {other.name for other in DATASETS}
    assert {*card.overlaps, *card.needs, card.home} - {""} <= known
    assert set(card.spellings) <= set(card.labels)


def test_overlaps_are_told_on_both_sides():
    overlaps = {card.name: set(card.overlaps) for card in DATASETS}
    assert all(name in overlaps[other] for name in overlaps for other in overlaps[name])


@by_id(TASKS)
def test_every_protocol_of_a_task_makes_a_valid_recipe_that_scores_its_main_metric(card):
    runner = get_runner(card.type)
    for name in card.protocols:
        protocol = REGISTRY.protocols.get(name).card
        for model in MODELS:
            recipe = runner.recipe(protocol.recipe(card, model.id))
            assert card.main_metric_of(name) in recipe["metrics"]


@by_id(PROTOCOLS)
def test_every_metric_of_a_protocol_exists(card):
    assert card.summary
    for recipe in card.recipes.values():
        for name in [*recipe["metrics"], *recipe.get("one_label", {}).get("metrics", [])]:
            assert get_metric(name).id == name


def test_only_the_protocol_that_copies_it_selects_on_test():
    recipes = {card.id: card.recipes.get("classification") for card in PROTOCOLS}
    split = {name: recipe["select"]["split"] for name, recipe in recipes.items() if recipe}
    assert [name for name, where in split.items() if where == "test"] == ["cogaze@1"]


def test_nih_is_a_family_of_three_with_shared_test_and_val():
    of_nih = (card for card in TASKS if card.dataset.name == "nih")
    family = {card.id: card for card in of_nih if card.type == "classification"}
    assert {name: card.splits["train"].n for name, card in family.items()} == {
        "nih-1pct": 785, "nih-10pct": 7847, "nih-100pct": 78468,
    }  # fmt: skip
    assert {name: card.splits["train"].patients for name, card in family.items()} == {
        "nih-1pct": None, "nih-10pct": None, "nih-100pct": 21528,
    }  # fmt: skip
    full = family["nih-100pct"]
    for card in family.values():
        assert card.splits["test"] == full.splits["test"]
        assert card.splits["val"] == full.splits["val"]
        assert card.labels == full.labels
    assert sum(split.n for split in full.splits.values()) == 112_120
    assert sum(split.patients or 0 for split in full.splits.values()) == 30_805
    assert len({card.title for card in family.values()}) == 3


def test_labels_are_in_the_alphabetical_order_of_the_benchmark():
    for card in TASKS:
        if card.dataset.name == "nih":
            assert len(card.labels) == 14
            assert card.labels == sorted(card.labels)


def test_entries_of_built_in_cards_lie_in_built_in_packages():
    entries = [c.entry for c in [*MODELS, *DATASETS]]
    packages = {import_module(entry.partition(":")[0]).__name__.split(".")[0] for entry in entries}
    assert packages == {"cxrbench_models", "cxrbench_tasks"}
