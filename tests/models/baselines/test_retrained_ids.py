"""Ids of retrained weights differ from the authors' in the weights alone."""

from __future__ import annotations

import pytest

from cxrbench.registry import Registry

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
