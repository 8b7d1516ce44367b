"""Ids of retrained weights differ from the authors' in the weights alone."""

from __future__ import annotations

from pathlib import Path

import pytest

from cxrbench.registry import Registry
from cxrbench.testing.reference import check_reference

IDS = ["gloria", "medklip", "mgca-r50", "mgca-vit"]
WEIGHTS = {"weights", "title", "code_url", "code_licence", "quirks", "pretraining_data", "overlaps"}


@pytest.mark.parametrize("name", IDS)
def test_the_encoder_is_the_same_and_the_file_another(name):
    models = Registry.discover([])
    official, again = models.model(name).card, models.model(f"{name}-benchx").card
    fields = set(type(official).model_fields) - WEIGHTS - {"id"}
    assert {f: getattr(official, f) for f in fields} == {f: getattr(again, f) for f in fields}
    first, second = official.weights[0], again.weights[0]
    assert (first.trainer, second.trainer) == ("official", "retrained")
    assert first.name != second.name and second.repo.startswith("youngzhou12/")
    assert (first.rename, first.ignore, first.wrapper) == (
        second.rename, second.ignore, second.wrapper,
    )  # fmt: skip


@pytest.mark.parametrize("name", ["mrm", "refers", "mgca-r50"])
def test_a_retrained_id_of_the_same_layout_is_compared_with_the_same_reference(name):
    models = Registry.discover([])
    assert models.model(f"{name}-benchx").card.reference == models.model(name).card.reference != ""


@pytest.mark.slow
@pytest.mark.parametrize("name", ["mrm", "refers"])
def test_the_retrained_layout_gives_the_reference_vectors(name):
    folder = Path(__file__).parents[2] / "golden" / name
    report = check_reference(Registry.discover([]).model(f"{name}-benchx").card, folder)
    assert [(r.name, r.status) for r in report.results if r.status != "ok"] == []
    assert report.ok


@pytest.mark.parametrize("name", ["gloria-benchx", "mgca-r50-benchx", "mrm-benchx"])
def test_no_licence_is_claimed_for_files_whose_page_states_none(name):
    assert Registry.discover([]).model(name).card.weights[0].licence == "unknown"
