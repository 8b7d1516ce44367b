"""Every published layout fits its card completely, and a damaged one is refused with the list."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch

from cxrbench.cards import merge
from cxrbench.registry import Registry, load_entry
from cxrbench.weights.mapping import match_file, matches_any

FOLDERS = sorted(
    path.parent for path in (Path(__file__).parents[2] / "golden").glob("*/manifest.json")
    if "tensors" in json.loads(path.read_text())
)  # fmt: skip


@pytest.fixture(scope="module", params=FOLDERS, ids=lambda folder: folder.name)
def layout(request):
    """The card, and names and shapes of the file and of the encoder, without values."""
    card = Registry.discover([]).model(request.param.name).card
    manifest = json.loads((request.param / "manifest.json").read_text())
    with torch.device("meta"):
        found = {name: torch.empty(shape) for name, shape in manifest["tensors"].items()}
        wanted = load_entry(card.entry)(card).state_dict()
    return card, found, wanted


def fit(card, found, wanted):
    """What is missing, left over and of another shape."""
    match = match_file(card.weights[0], found, wanted)
    required = [name for name in wanted if not matches_any(card.optional_tensors, name)]
    missing = [name for name in required if name not in match.tensors]
    return missing, match.unexpected, match.wrong_shape


def used(card, found, wanted):
    """A tensor of the file that the encoder takes as it is, from the middle of them."""
    names = [name for name in found if found[name].ndim]  # a number has no other shape
    for name in names[len(names) // 2 :] + names:
        rest = {key: value for key, value in found.items() if key != name}
        missing, _, _ = fit(card, rest, wanted)
        if len(missing) == 1:
            return name, missing[0]
    raise AssertionError("no tensor of the file is used by itself")


def test_the_published_layout_fits_completely(layout):
    assert fit(*layout) == ([], [], [])


def test_a_missing_tensor_is_listed(layout):
    card, found, wanted = layout
    theirs, ours = used(card, found, wanted)
    rest = {key: value for key, value in found.items() if key != theirs}
    assert fit(card, rest, wanted)[0] == [ours]


def test_a_renamed_tensor_is_missing_and_left_over(layout):
    card, found, wanted = layout
    theirs, ours = used(card, found, wanted)
    renamed = {f"{key}_x" if key == theirs else key: value for key, value in found.items()}
    missing, unexpected, _ = fit(card, renamed, wanted)
    assert missing == [ours]
    assert len(unexpected) == 1 and unexpected[0].endswith("_x")


def test_a_tensor_of_another_shape_is_listed(layout):
    card, found, wanted = layout
    theirs, ours = used(card, found, wanted)
    shape = (found[theirs].shape[0] + 1, *found[theirs].shape[1:])
    other = merge(found, {theirs: torch.empty(shape, device="meta")})
    missing, _, wrong = fit(card, other, wanted)
    assert missing == [ours]
    assert len(wrong) == 1 and wrong[0].startswith(f"{ours}: {shape}")
