"""The cards: what they build, how checkpoints map onto it, and what is refused."""

from __future__ import annotations

import math

import pytest
import torch
from cxrbench_models.cogaze.config import CoGazeSettings
from cxrbench_models.cogaze.encoder import CoGazeEncoder

from cxrbench.errors import PluginError
from cxrbench.weights.mapping import match_file

JUNK = ("text_encoder.cls.", "text_encoder.cls_projection_head.", "vision_cl", "report_cl")


def build_without_memory(card):
    with torch.device("meta"):
        return CoGazeEncoder(card)


def count(shapes):
    return sum(math.prod(shape) for shape in shapes)


def test_parameter_counts_follow_from_the_checkpoint(card, full):
    """Published: about 225 M in all; 139.2 M trainable, of which 0.78 M are not built here."""
    saved, trunk = full.manifest["pretrain_checkpoint"], full.manifest["rad_dino"]
    junk = count(shape for name, shape in saved.items() if name.startswith(JUNK))
    assert count(saved.values()) == 139_205_751
    assert junk == 642_393 + 115_200 + 2 * 10_766
    parameters = list(build_without_memory(card("cogaze")).parameters())
    trainable = sum(p.numel() for p in parameters if p.requires_grad)
    assert trainable == count(saved.values()) - junk == 138_426_626
    assert sum(p.numel() for p in parameters) == trainable + count(trunk.values()) == 225_007_106


def test_the_files_of_the_card_fill_the_encoder_completely(card, full):
    cogaze = card("cogaze")
    wanted = build_without_memory(cogaze).state_dict()
    filled = set()
    sections = ("pretrain_checkpoint", "rad_dino")
    for entry, section in zip(cogaze.weights, sections, strict=False):
        shapes = full.manifest[section]
        found = {name: torch.empty(shape, device="meta") for name, shape in shapes.items()}
        match = match_file(entry, found, wanted)
        assert (match.unexpected, match.wrong_shape) == ([], [])
        filled |= set(match.tensors)
    assert filled == set(wanted)


def test_a_view_table_of_another_length_does_not_fit(card, full):
    settings = {"views": ["unk", "PA", "AP"]}
    wanted = build_without_memory(card("cogaze", **settings)).state_dict()
    shapes = full.manifest["pretrain_checkpoint"]
    found = {name: torch.empty(shape, device="meta") for name, shape in shapes.items()}
    match = match_file(card("cogaze").weights[0], found, wanted)
    assert [text.partition(":")[0] for text in match.wrong_shape] == [
        "image_projector.add_pos_embed.pos_embed"
    ]


@pytest.mark.parametrize("name", ["cogaze", "cogaze-tiny"])
def test_dims_and_preprocessing_agree_with_the_architecture(card, name):
    card = card(name)
    settings = CoGazeSettings.from_card(card)
    side = settings.vision.grid_side
    assert card.dims.pooled == card.dims.text == card.dims.joint == settings.dim
    assert card.dims.grid == (settings.dim, side, side)
    assert card.dims.latents == (settings.perceiver.latents, settings.dim)
    assert settings.text.max_tokens <= settings.text.positions
    assert settings.image_spec(card).size == (settings.vision.image_size,) * 2


@pytest.mark.parametrize("name", ["cogaze", "cogaze-tiny"])
def test_the_default_is_independent_of_the_batch(card, name):
    settings = CoGazeSettings.from_card(card(name))
    assert (settings.text_pool, settings.context_mask) == ("masked", True)
    released = CoGazeSettings.from_card(card(name, preset="released"))
    assert (released.text_pool, released.context_mask) == ("legacy", False)


@pytest.mark.parametrize(
    ("config", "where"),
    [
        ({"preset": "newest"}, "preset"),
        ({"views": ["PA", "AP"]}, "unk"),
        ({"perceiver": {"depth": 2, "heads": 4}}, "perceiver.heads"),
        ({"views": None}, "views"),
    ],
)
def test_a_wrong_config_is_refused_by_name(card, config, where):
    with pytest.raises(PluginError) as caught:
        CoGazeSettings.from_card(card("cogaze-tiny", **config))
    assert where in caught.value.why


def test_images_of_another_size_are_refused(card):
    with pytest.raises(PluginError, match="cannot build cogaze-tiny") as caught:
        CoGazeEncoder(card("cogaze-tiny", vision={"image_size": 70, "layers": 2, "heads": 4}))
    assert "70" in caught.value.fix


def test_a_trainable_trunk_cannot_be_declared_frozen(card):
    vision = {**card("small").config["vision"], "freeze_trunk": False}
    with pytest.raises(PluginError) as caught:
        CoGazeEncoder(card("small", vision=vision))
    assert "frozen-trunk" in caught.value.why
