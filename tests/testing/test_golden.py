"""The engine of reference vectors: what agrees passes, and each way to differ is told."""

from __future__ import annotations

import json
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional as F

from cxrbench.cards import ModelCard
from cxrbench.testing import procedural
from cxrbench.testing.golden import golden, tensors, write_checkpoint
from cxrbench.testing.reference import check_reference
from cxrbench.weights.read import read_tensors

SALT, SIDE, SEEDS = "salt-1:", 4, [3, 5]
SHAPES = {
    "module.conv.weight": [6, 3, 1, 1],
    "module.conv.bias": [6],
    "module.tied.weight": [5, 6],
    "module.table": [5, 6],
    "module.count.num_batches_tracked": [],
    "module.position_ids": [1, 7],
}


class Tiny(nn.Module):
    def __init__(self, card):
        super().__init__()
        self.conv = nn.Conv2d(3, 6, 1)
        self.table = nn.Parameter(torch.zeros(5, 6))

    def grid(self, pixels):
        return self.conv(pixels)


def compute(case):
    grid = case.encoder.grid(case.pixels())
    embed = F.normalize(grid.mean(dim=(2, 3)), dim=-1)
    return {
        "pooled": grid.mean(dim=(2, 3)),
        "grid": grid,
        "image_embed": embed,
        "text": case.encoder.table[case.ids] * case.mask.unsqueeze(-1),
        "outside": case.external("not.in.the.file", (2, 3)),
    }


compare = golden(compute)


def incomplete(case):
    return {name: value for name, value in compute(case).items() if name != "outside"}


compare_less = golden(incomplete)
compare_nothing = golden(lambda case: {})


def expected():
    """The arrays, computed from the rule by NumPy and by hand."""
    weight = procedural.weight("module.conv.weight", (6, 3, 1, 1), SALT)[:, :, 0, 0]
    bias = procedural.weight("module.conv.bias", (6,), SALT)
    pixels = np.stack([procedural.image(seed, SIDE) for seed in SEEDS])
    grid = np.einsum("oc,bchw->bohw", weight.astype(np.float64), pixels) + bias[:, None, None]
    pooled = grid.mean(axis=(2, 3))
    ids, mask = np.array([[1, 2, 0], [4, 0, 0]]), np.array([[1, 1, 0], [1, 0, 0]])
    table = procedural.weight("module.tied.weight", (5, 6), SALT)  # `table` is tied to it
    return {
        "pooled": pooled,
        "grid_shape": np.array(grid.shape),
        "grid_chan_mean": pooled,
        "grid_chan_std": grid.std(axis=(2, 3)),
        "grid_space_mean": grid.mean(axis=1),
        "grid_space_std": grid.std(axis=1),
        "grid_slice": grid[:, ::2, ::3, ::1],
        "grid_slice_step": np.array([1, 2, 3, 1]),
        "image_embed": pooled / np.linalg.norm(pooled, axis=1, keepdims=True),
        "input_ids": ids,
        "attention_mask": mask,
        "text": table[ids] * mask[:, :, None],
        "outside": procedural.weight("not.in.the.file", (2, 3), SALT),
    }


def manifest():
    first = procedural.weight("module.conv.weight", (6, 3, 1, 1), SALT).flatten()[:4].tolist()
    return {
        "salt": SALT,
        "tensors": SHAPES,
        "tied": {"module.table": "module.tied.weight"},
        "int64_tensors": ["module.position_ids"],
        "wrapper": ["state", "model"],
        "other_top_level_keys": ["optimizer"],
        "weight_check_first4": {"module.conv.weight": first},
        "image_check": {"size": SIDE, "first_2x2": procedural.image(3, SIDE)[:, :2, :2].tolist()},
        "image_seeds": SEEDS,
    }


@pytest.fixture
def card():
    weights = {
        "name": "w", "source": "manual", "file": "published.pth", "wrapper": ["state"],
        "strip_prefix": ["module."], "ignore": [r".*(tied|count|position_ids).*"],
    }  # fmt: skip
    return ModelCard.model_validate(
        {"id": "tiny", "family": "f", "title": "Tiny", "entry": f"{__name__}:Tiny",
         "reference": f"{__name__}:compare", "status": "declared", "weights": [weights],
         "capabilities": ["image", "trainable"]}
    )  # fmt: skip


@pytest.fixture
def check(card, tmp_path):
    """Write a folder with changes and compare; the results by name."""

    def run(arrays=None, wrapper=("state",), reference="compare", lost=(), **changes):
        content = {**manifest(), "wrapper": list(wrapper), **changes}
        (tmp_path / "manifest.json").write_text(json.dumps(content))
        content = {**expected(), **(arrays or {})}
        kept = {name: array for name, array in content.items() if name not in lost}
        np.savez(tmp_path / "golden.npz", **kept)
        used = card.model_copy(update={"reference": f"{__name__}:{reference}"})
        report = check_reference(used, tmp_path)
        return report, {result.name: result for result in report.results}

    return run


def failed(report):
    return {result.name for result in report.results if result.status == "FAIL"}


def test_everything_agrees(check):
    report, found = check()
    assert report.ok and {result.status for result in report.results} == {"ok"}
    assert set(found) == {
        "weight_check_first4 module.conv.weight", "image_check", "checkpoint", "pooled",
        "grid_shape", "grid_chan_mean", "grid_chan_std", "grid_space_mean", "grid_space_std",
        "grid_slice", "image_embed", "text", "outside",
    }  # fmt: skip


@pytest.mark.parametrize(
    "name",
    ["pooled", "grid_chan_mean", "grid_chan_std", "grid_space_mean", "grid_space_std", "grid_slice",
     "image_embed", "text", "outside"],
)  # fmt: skip
def test_one_wrong_value_fails_that_array_alone(check, name):
    array = expected()[name].copy()
    array.flat[-1] += 0.01
    report, _ = check({name: array})
    assert not report.ok and failed(report) == {name}


@pytest.mark.parametrize(("off", "units", "features"), [(3e-6, True, True), (3e-5, False, True)])
def test_vectors_of_length_one_are_held_to_less(check, off, units, features):
    arrays = expected()
    changed = {name: arrays[name] + off for name in ("image_embed", "pooled")}
    _, found = check(changed)
    assert found["image_embed"].ok is units and found["pooled"].ok is features
    assert found["image_embed"].tolerance == 1e-5 and found["pooled"].tolerance == 1e-4


def test_another_shape_of_a_map_fails(check):
    report, _ = check({"grid_shape": np.array([2, 6, 5, 4])})
    assert failed(report) == {"grid_shape"}


def test_another_salt_is_found_before_anything_is_compared(check):
    report, found = check(salt="salt-2:")
    assert not report.ok and failed(report) == {"weight_check_first4 module.conv.weight"}
    assert "pooled" not in found and "checkpoint" not in found


def test_other_images_are_found_before_anything_is_compared(check):
    report, found = check(image_seeds=[4, 5])
    assert failed(report) == {"image_check"} and "pooled" not in found


def test_a_tensor_that_is_missing_is_refused_with_its_name(check):
    shapes = {name: shape for name, shape in SHAPES.items() if name != "module.conv.bias"}
    report, found = check(tensors=shapes)
    assert not report.ok
    assert "conv.bias" in found["checkpoint"].note and "pooled" not in found


def test_a_tensor_that_has_no_place_fails(check):
    report, _ = check(tensors={**SHAPES, "module.more": [2]})
    assert failed(report) == {"checkpoint"}


def test_an_untied_table_is_another_table(check):
    report, _ = check(tied={})
    assert failed(report) == {"text"}


def test_an_array_that_nothing_computes_fails(check):
    report, _ = check(reference="compare_less")
    assert not report.ok and failed(report) == {"outside"}
    report, _ = check({"extra": np.zeros(2)})
    assert failed(report) == {"extra"}


@pytest.mark.parametrize(
    "lost",
    [["pooled"], ["text"], ["outside", "image_embed"], ["grid_slice_step"], ["grid_slice"]],
)
def test_an_array_that_the_folder_lacks_fails_by_name(check, lost):
    report, _ = check(lost=lost)
    # A slice and its steps belong together: one alone is an array that nothing computes.
    expected = {"grid_slice": {"grid_slice_step"}, "grid_slice_step": {"arrays"}}
    assert not report.ok and failed(report) == expected.get(lost[0], set(lost))


def test_a_map_of_which_the_shape_alone_is_kept_fails(check):
    lost = [name for name in expected() if name.startswith("grid_") and name != "grid_shape"]
    report, found = check(lost=lost)
    assert failed(report) == {"grid"} and found["grid_shape"].ok


@pytest.mark.parametrize("left", [(), ("input_ids", "attention_mask")])
def test_a_folder_without_arrays_does_not_pass(check, left):
    lost = [name for name in expected() if name not in left]
    report, found = check(lost=lost, reference="compare_nothing")
    assert not report.ok and failed(report) == {"arrays"}
    assert found["arrays"].note == "no array was compared" and found["checkpoint"].ok


def test_the_checkpoint_has_the_published_layout(tmp_path):
    content = manifest()
    write_checkpoint(tmp_path / "x.pth", content)
    whole = torch.load(tmp_path / "x.pth", weights_only=True)
    assert set(whole) == {"state", "optimizer"} and set(whole["state"]["model"]) == set(SHAPES)
    made = tensors(content)
    assert torch.equal(made["module.table"], made["module.tied.weight"])
    assert made["module.position_ids"].tolist() == [list(range(7))]
    assert made["module.count.num_batches_tracked"].dtype == torch.int64
    content = {**manifest(), "wrapper": ["state"]}
    write_checkpoint(tmp_path / "y.pth", content)
    assert set(read_tensors(tmp_path / "y.pth", ["state"])) == set(SHAPES)


def test_relative_positions_of_a_window_are_those_of_swin():
    """The table index of Liu et al. 2021: 2·side−1 offsets down, as many across."""
    side = 3
    shapes = {"relative_position_index": [side * side] * 2}
    content = {"tensors": shapes, "int64_tensors": list(shapes), "salt": ""}
    index = tensors(content)["relative_position_index"]
    cells = [(row, column) for row in range(side) for column in range(side)]
    for a, (row, column) in enumerate(cells):
        for b, (down, across) in enumerate(cells):
            offset = (row - down + side - 1) * (2 * side - 1) + column - across + side - 1
            assert index[a, b] == offset


def test_a_second_encoder_has_other_settings_and_the_same_checkpoint(card, tmp_path):
    from cxrbench.testing.golden import GoldenCase

    content = {**manifest(), "wrapper": ["state"]}
    write_checkpoint(tmp_path / "published.pth", content)
    case = GoldenCase(card, content, SimpleNamespace(), tmp_path)
    other = case.another(config={"mode": "other"})
    assert other is not case.encoder
    assert torch.equal(other.conv.weight, case.encoder.conv.weight)
