"""Encoders of images without reference vectors, against other constructions of the same network."""

from __future__ import annotations

import pytest
import timm
import torch
import torchvision
from safetensors.torch import load_file, save_file
from torch.nn import functional as F
from transformers import (
    BeitConfig,
    BeitForMaskedImageModeling,
    Dinov2Config,
    Dinov2Model,
    SamVisionConfig,
    SamVisionModel,
    SiglipConfig,
    SiglipModel,
)

from cxrbench.building import build
from cxrbench.data.transforms import normalise
from cxrbench.registry import Registry, load_entry
from cxrbench.weights.choice import resolve
from cxrbench.weights.mapping import match_file

WIDTH, HEADS, LAYERS, SIDE = 24, 2, 3, 64
TRANSFORMER = {
    "hidden_size": WIDTH, "num_attention_heads": HEADS, "num_hidden_layers": LAYERS,
    "intermediate_size": 4 * WIDTH,
}  # fmt: skip
VIT = {"img_size": SIDE, "embed_dim": WIDTH, "num_heads": HEADS, "depth": LAYERS}


@pytest.fixture(scope="module")
def registry():
    return Registry.discover([])


def randomised(module, seed=5):
    """The module with every number drawn anew, spreads and counters aside."""
    generator = torch.Generator().manual_seed(seed)
    for name, tensor in module.state_dict().items():
        if tensor.is_floating_point():
            drawn = torch.randn(tensor.shape, generator=generator) * 0.3
            tensor.copy_(drawn.abs() + 0.5 if name.endswith("running_var") else drawn)
    return module.eval()


def pixels(side=SIDE, count=2):
    return torch.randn(count, 3, side, side, generator=torch.Generator().manual_seed(7))


def filled(registry, name, tmp_path, config, width=WIDTH):
    """The encoder of a card in a small size, from the card's file in a folder."""
    card = registry.model(name).card
    dims = card.dims.model_copy(update={"pooled": width})
    card = card.model_copy(update={"config": config, "dims": dims})
    encoder, report = build(card, resolve(card, str(tmp_path), fetch=False), seed=1)
    assert report.complete
    return encoder


def as_map(patches, across=None):
    """B×N×D to B×D×h×w, position by position; a square unless told how wide."""
    side = across or round(patches.shape[1] ** 0.5)
    starts = range(0, patches.shape[1], side)
    rows = [patches[:, start : start + side] for start in starts]
    return torch.stack(rows, dim=1).permute(0, 3, 1, 2)


@pytest.mark.parametrize("shape", [(56, 56), (28, 28), (84, 84), (28, 112)])
@pytest.mark.parametrize("name", ["rad-dino", "rad-dino-maira-2"])
def test_rad_dino_is_the_dinov2_of_transformers(registry, tmp_path, name, shape):
    theirs = randomised(Dinov2Model(Dinov2Config(
        **{k: v for k, v in TRANSFORMER.items() if k != "intermediate_size"},
        image_size=56, patch_size=14, mlp_ratio=4, layer_norm_eps=1e-6,
    )))  # fmt: skip
    theirs.save_pretrained(tmp_path)
    ours = filled(registry, name, tmp_path, {"image": {**VIT, "img_size": 56}})
    with torch.no_grad():
        images = pixels(112)[:, :, : shape[0], : shape[1]]
        expected = theirs(pixel_values=images).last_hidden_state
        found = ours.features(images)
    torch.testing.assert_close(found.pooled, expected[:, 0])
    torch.testing.assert_close(found.grid, as_map(expected[:, 1:], shape[1] // 14))


def test_beit_is_that_of_transformers(registry, tmp_path):
    theirs = randomised(BeitForMaskedImageModeling(BeitConfig(
        **TRANSFORMER, image_size=SIDE, use_shared_relative_position_bias=True,
        use_mask_token=True, layer_norm_eps=1e-6,
    )))  # fmt: skip
    theirs.save_pretrained(tmp_path)
    torch.save(_read(tmp_path), tmp_path / "pytorch_model.bin")
    ours = filled(registry, "beit", tmp_path, {"image": VIT})
    with torch.no_grad():
        tokens = theirs.layernorm(theirs.beit(pixels()).last_hidden_state)
        found = ours.features(pixels())
    torch.testing.assert_close(found.pooled, tokens[:, 1:].mean(dim=1))
    torch.testing.assert_close(found.grid, as_map(tokens[:, 1:]))


@pytest.mark.parametrize(
    ("activation", "of_timm"), [("gelu_pytorch_tanh", "gelu_tanh"), ("gelu", "gelu")]
)
def test_chexagent_is_the_siglip_of_timm(registry, tmp_path, activation, of_timm):
    vision = {**TRANSFORMER, "image_size": SIDE, "patch_size": 16}
    text = {**TRANSFORMER, "vocab_size": 50, "bos_token_id": 1, "eos_token_id": 2}
    theirs = randomised(SiglipModel(SiglipConfig(vision_config=vision, text_config=text)))
    theirs.save_pretrained(tmp_path)
    config = {"image_size": SIDE, "layers": LAYERS, "heads": HEADS, "intermediate": 4 * WIDTH}
    config["activation"] = activation
    ours = filled(registry, "chexagent-vision", tmp_path, config)
    model = timm.create_model(
        "vit_large_patch16_siglip_384", num_classes=0, act_layer=of_timm, **VIT
    ).eval()
    model.load_state_dict(_siglip_of_timm(_read(tmp_path)))
    with torch.no_grad():
        tokens = model.forward_features(pixels())
        expected = model.forward_head(tokens)
        found = ours.features(pixels())
    torch.testing.assert_close(found.pooled, expected)
    torch.testing.assert_close(found.grid, as_map(tokens))


@pytest.mark.parametrize("side", [SIDE, SIDE // 2])
def test_lvm_med_is_the_image_encoder_of_sam_before_its_neck(registry, tmp_path, side):
    config = SamVisionConfig(
        hidden_size=WIDTH, num_attention_heads=HEADS, num_hidden_layers=LAYERS, mlp_dim=4 * WIDTH,
        image_size=SIDE, use_abs_pos=False, window_size=3, global_attn_indexes=[1],
        output_channels=8,
    )  # fmt: skip
    theirs = randomised(SamVisionModel(config)).vision_encoder
    names = {
        "layers.": "blocks.",
        "layer_norm": "norm",
        "patch_embed.projection": "patch_embed.proj",
    }
    published = dict(theirs.state_dict())
    for old, new in names.items():
        published = {key.replace(old, new): value for key, value in published.items()}
    torch.save(published, tmp_path / "lvmmed_vit.pth")
    assert {"blocks.1.attn.rel_pos_h", "blocks.2.mlp.lin1.weight"} < set(published)
    changes = {**VIT, "window_size": 3, "global_attn_indexes": [1]}
    ours = filled(registry, "lvm-med-vit", tmp_path, {"image": changes})
    theirs.patch_embed.image_size = (side, side)  # it would refuse other sizes than its own
    with torch.no_grad():
        tokens = theirs(pixels(side), output_hidden_states=True).hidden_states[-1]
        found = ours.features(pixels(side))
    torch.testing.assert_close(found.grid, tokens.permute(0, 3, 1, 2))
    torch.testing.assert_close(found.pooled, tokens.mean(dim=(1, 2)))


def test_moco_v3_is_its_trained_encoder_and_not_the_running_average(registry, tmp_path):
    trained, average = (
        randomised(timm.create_model("vit_base_patch16_224", num_classes=5, **VIT), seed)
        for seed in (1, 2)
    )
    content = {f"module.base_encoder.{k}": v for k, v in trained.state_dict().items()}
    content |= {f"module.momentum_encoder.{k}": v for k, v in average.state_dict().items()}
    content |= {"module.predictor.0.weight": torch.zeros(4, 4)}
    file = {"epoch": 300, "arch": "vit_base", "state_dict": content, "optimizer": {}}
    torch.save(file, tmp_path / "vit-b-300ep.pth.tar")
    ours = filled(registry, "moco-v3", tmp_path, {"image": VIT})
    with torch.no_grad():
        found = ours.features(pixels())
        tokens = trained.forward_features(pixels())
    torch.testing.assert_close(found.pooled, tokens[:, 0])
    torch.testing.assert_close(found.grid, as_map(tokens[:, 1:]))


@pytest.fixture(scope="module")
def densenet():
    """torchvision's with one channel, under the names of TorchXRayVision."""
    model = torchvision.models.densenet121(num_classes=18)
    model.features.conv0 = torch.nn.Conv2d(1, 64, 7, stride=2, padding=3, bias=False)
    return randomised(model)


def test_xrv_densenet_is_torchvisions(registry, tmp_path, densenet):
    content = {**densenet.state_dict(), "op_threshs": torch.rand(18)}
    save_file(content, tmp_path / "densenet121-res224-all.safetensors")
    ours = filled(registry, "xrv-densenet121", tmp_path, {}, width=1024)
    grey = pixels()[:, :1]
    with torch.no_grad():
        expected = F.relu(densenet.features(grey))
        found = ours.features(grey.expand(-1, 3, -1, -1))
    torch.testing.assert_close(found.grid, expected)
    torch.testing.assert_close(found.pooled, expected.mean(dim=(2, 3)))


def test_xrv_pixels_are_those_of_the_library(registry):
    spec = registry.model("xrv-densenet121").card.preprocessing
    levels = torch.arange(256, dtype=torch.uint8)
    found = normalise(levels.reshape(1, 16, 16).clone(), spec)[0].flatten(1)
    expected = (2 * (levels.float() / 255) - 1) * 1024
    assert (found[:, 0] == -1024).all() and (found[:, -1] == 1024).all()
    for channel in found:
        torch.testing.assert_close(channel, expected, rtol=0, atol=1e-4)


@pytest.mark.parametrize(
    ("name", "of_timm"),
    [("imagenet-vit-b", "vit_base_patch16_224.augreg_in21k_ft_in1k"),
     ("imagenet-r50", "resnet50.a1_in1k")],
)  # fmt: skip
def test_an_imagenet_reference_is_the_model_of_timm_of_that_name(registry, name, of_timm):
    card, other = (registry.model(n).card for n in (name, f"timm/{of_timm}"))
    assert card.entry == other.entry
    assert (card.config, card.preprocessing) == (other.config, other.preprocessing)
    assert sorted(card.pretraining_data) == sorted(other.pretraining_data)
    (ours,), (theirs,) = card.weights, other.weights
    assert (ours.source, ours.repo, ours.file) == (theirs.source, theirs.repo, theirs.file)
    with torch.device("meta"):
        published = timm.create_model(of_timm).state_dict()
        encoder = load_entry(card.entry)(card)
    match = match_file(ours, published, encoder.state_dict())
    assert match.unexpected == match.wrong_shape == []
    assert set(match.tensors) == set(encoder.state_dict())


@pytest.mark.parametrize("prefix", ["", "vision_encoder.visual."])
def test_mrm_of_benchx_may_have_the_prefix_its_converter_expects(registry, tmp_path, prefix):
    theirs = randomised(timm.create_model("vit_base_patch16_224", num_classes=0, **VIT))
    content = {prefix + key: value for key, value in theirs.state_dict().items()}
    content |= {f"{prefix}mask_token": torch.zeros(1), f"{prefix}decoder_norm.bias": torch.zeros(4)}
    torch.save({"model": content}, tmp_path / "MRM.pth")
    ours = filled(registry, "mrm-benchx", tmp_path, {"image": VIT})
    assert torch.equal(ours.image.net.pos_embed, theirs.pos_embed)


def _read(folder):
    return load_file(folder / "model.safetensors")


def _siglip_of_timm(published):
    """timm's names and shapes, from those of transformers."""
    state = {}
    prefix, layer = "vision_model.", "vision_model.encoder.layers"
    for kind in ("weight", "bias"):
        state[f"patch_embed.proj.{kind}"] = published[f"{prefix}embeddings.patch_embedding.{kind}"]
        state[f"norm.{kind}"] = published[f"{prefix}post_layernorm.{kind}"]
        for n in range(LAYERS):
            for ours, theirs in (("norm1", "layer_norm1"), ("norm2", "layer_norm2"),
                                 ("mlp.fc1", "mlp.fc1"), ("mlp.fc2", "mlp.fc2"),
                                 ("attn.proj", "self_attn.out_proj")):  # fmt: skip
                state[f"blocks.{n}.{ours}.{kind}"] = published[f"{layer}.{n}.{theirs}.{kind}"]
            qkv = [published[f"{layer}.{n}.self_attn.{part}_proj.{kind}"] for part in "qkv"]
            state[f"blocks.{n}.attn.qkv.{kind}"] = torch.cat(qkv)
        joined = published[f"{prefix}head.attention.in_proj_{kind}"]
        state[f"attn_pool.q.{kind}"] = joined[:WIDTH]
        state[f"attn_pool.kv.{kind}"] = joined[WIDTH:]
        state[f"attn_pool.proj.{kind}"] = published[f"{prefix}head.attention.out_proj.{kind}"]
        state[f"attn_pool.norm.{kind}"] = published[f"{prefix}head.layernorm.{kind}"]
        for part in ("mlp.fc1", "mlp.fc2"):
            state[f"attn_pool.{part}.{kind}"] = published[f"{prefix}head.{part}.{kind}"]
    state["pos_embed"] = published[f"{prefix}embeddings.position_embedding.weight"][None]
    state["attn_pool.latent"] = published[f"{prefix}head.probe"]
    return state
