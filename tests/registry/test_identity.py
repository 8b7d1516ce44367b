"""What makes two encoders two: everything of the card that decides numbers, and the provider."""

from __future__ import annotations

import sys

import pytest

from cxrbench.discovery import Provider
from cxrbench.identity import encoder_identity
from cxrbench.registry import Registry

HERE = Provider("cxrbench", "0.1.0")


@pytest.fixture
def card():
    return Registry.discover().models.get("cogaze-tiny").card


def test_the_same_card_is_the_same_encoder_in_every_version_of_the_package(card):
    later = Provider("cxrbench", "9.9.9")
    assert encoder_identity(card, HERE) == encoder_identity(card.model_copy(), later)


@pytest.mark.parametrize("field", ["id", "version", "entry", "config", "preprocessing"])
def test_what_decides_numbers_makes_another_encoder(card, field):
    changed = {
        "id": "other",
        "version": 2,
        "entry": "elsewhere:Class",
        "config": {**card.config, "preset": "released"},
        "preprocessing": card.preprocessing.model_copy(update={"size": (72, 72)}),
    }[field]
    other = card.model_copy(update={field: changed})
    assert encoder_identity(other, HERE) != encoder_identity(card, HERE)


def test_words_about_the_model_do_not(card):
    other = card.model_copy(update={"title": "other", "quirks": []})
    assert encoder_identity(other, HERE) == encoder_identity(card, HERE)


def test_the_same_id_from_another_distribution_is_another_encoder(card):
    assert encoder_identity(card, Provider("someone", "1")) != encoder_identity(card, HERE)


def test_the_source_of_a_folder_counts_and_that_of_an_installed_plugin_does_not(
    card, tmp_path, monkeypatch
):
    package = tmp_path / "work_in_progress"
    package.mkdir()
    (package / "__init__.py").write_text("")
    (package / "encoder.py").write_text("SCALE = 1\n")
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])
    mine = card.model_copy(update={"entry": "work_in_progress.encoder:Encoder"})
    folder, installed = Provider("path:work", ""), Provider("work", "1")
    before = encoder_identity(mine, folder), encoder_identity(mine, installed)
    (package / "encoder.py").write_text("SCALE = 2\n")
    after = encoder_identity(mine, folder), encoder_identity(mine, installed)
    assert before[0] != after[0]
    assert before[1] == after[1]
