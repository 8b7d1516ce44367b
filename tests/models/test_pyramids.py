"""Feature maps at several scales: which they are, and that they are the network's own."""

from __future__ import annotations

import pytest
import torch
from cxrbench_models.parts.resnet import ResNet
from cxrbench_models.parts.swin import Swin, SwinSettings
from cxrbench_models.parts.vit import VisionTransformer

from cxrbench.building import build
from cxrbench.encoder import ImageBatch, MakesPyramid
from cxrbench.registry import Registry, load_entry
from cxrbench.weights.choice import Weights

FIXED = [
    entry.card for entry in Registry.discover().models.entries()
    if entry.provider.distribution == "cxrbench" and entry.card.fixed_size
]  # fmt: skip


def watched(modules):
    """Outputs of modules, by their position, filled as they run."""
    seen = {}
    for position, module in enumerate(modules):
        module.register_forward_hook(
            lambda m, i, out, position=position: seen.__setitem__(position, out)
        )
    return seen


@torch.no_grad()
def test_a_resnet_gives_the_stages_of_the_image_as_it_is():
    net = ResNet(name="resnet10t", upsample=96).eval()
    seen = watched([net.net.layer1, net.net.layer2, net.net.layer3, net.net.layer4])
    maps = net.pyramid(torch.randn(1, 3, 64, 64))
    assert [m.shape[2] for m in maps] == [16, 8, 4, 2]
    assert all(torch.equal(m, seen[i]) for i, m in enumerate(maps))
    assert [m.shape[2] for m in net(torch.randn(1, 3, 64, 64))] == [24, 12, 6, 3]


@torch.no_grad()
def test_a_swin_gives_the_stages_before_patches_are_merged():
    net = Swin(SwinSettings(dim=8, depths=(1, 1, 2, 1), heads=(1, 1, 2, 2), window=4)).eval()
    pixels = torch.randn(1, 3, 128, 128)
    seen = watched([stage.blocks[-1] for stage in net.net.encoder.layers])
    maps = net.pyramid(pixels)
    assert [tuple(m.shape[1:]) for m in maps] == [
        (8, 32, 32), (16, 16, 16), (32, 8, 8), (64, 4, 4)
    ]  # fmt: skip
    for i, made in enumerate(maps):
        out = seen[i][0] if isinstance(seen[i], tuple) else seen[i]
        assert torch.equal(made.flatten(2).mT, out)
    # An image whose map is no larger than a window changes nothing for a larger one.
    large = torch.randn(1, 3, 256, 256)
    before = net.pyramid(large)
    net.pyramid(pixels)
    assert all(torch.equal(a, b) for a, b in zip(net.pyramid(large), before, strict=True))


@torch.no_grad()
@pytest.mark.parametrize(("side", "depth"), [(32, 12), (64, 12), (32, 11)])
def test_a_vit_gives_its_4th_6th_8th_and_last_block_rescaled(side, depth):
    net = VisionTransformer(
        "vit_tiny_patch16_224", img_size=32, patch_size=8, embed_dim=12, num_heads=2, depth=depth
    ).eval()
    seen = watched(net.net.blocks)
    maps = net.pyramid(torch.randn(1, 3, side, side))
    cells = side // 8
    assert [m.shape[2] for m in maps] == [4 * cells, 2 * cells, cells, cells // 2]
    third = seen[7][:, 1:].mT.reshape(1, 12, cells, cells)
    assert torch.equal(maps[2], third)
    for made, block, scale in ((maps[0], 3, 4), (maps[1], 5, 2)):
        grid = seen[block][:, 1:].mT.reshape(1, 12, cells, cells)
        pooled = torch.nn.functional.avg_pool2d(made, scale)
        assert float((pooled - grid).abs().mean()) < float(grid.abs().mean()) / 2


@torch.no_grad()
@pytest.mark.parametrize(
    "name",
    ["vit_tiny_patch16_224", "vit_base_patch16_clip_quickgelu_224", "vit_base_patch14_dinov2"],
)
def test_another_size_differs_by_its_positions_alone(name):
    """At its own size, what is embedded for any size is what the network embeds: norms included."""
    net = VisionTransformer(
        name, img_size=32, patch_size=8, embed_dim=12, num_heads=2, depth=3
    ).eval()
    seen = {}
    net.net.blocks[0].register_forward_pre_hook(lambda m, args: seen.setdefault("x", args[0]))
    pixels = torch.randn(1, 3, 32, 32)
    net(pixels)
    torch.testing.assert_close(net.embedded(pixels), seen["x"])


@torch.no_grad()
def test_a_beit_is_read_with_its_relative_positions():
    net = VisionTransformer(
        "beit_base_patch16_224", img_size=32, patch_size=8, embed_dim=12, num_heads=2, depth=3,
        use_rel_pos_bias=False, use_shared_rel_pos_bias=True,
    ).eval()  # fmt: skip
    net.net.rel_pos_bias.relative_position_bias_table.normal_()
    seen = watched(net.net.blocks)
    pixels = torch.randn(1, 3, 32, 32)
    net.net.forward_features(pixels)
    last = seen[1][:, 1:].mT.reshape(1, 12, 4, 4)
    maps = net.pyramid(pixels)
    assert [m.shape[2] for m in maps] == [16, 8, 4, 2]
    assert torch.equal(maps[2], last)


@pytest.mark.parametrize("card", FIXED, ids=lambda card: card.id)
def test_maps_of_another_size_are_made_where_the_card_says_so(card):
    """At 512 pixels, in whole patches; without values."""
    with torch.device("meta"), torch.inference_mode():
        encoder = load_entry(card.entry)(card).eval()
        try:
            make = getattr(encoder, "encode_pyramid", lambda batch: None)
            maps = make(ImageBatch(pixels=torch.zeros(1, 3, 512, 512)))
        except (AssertionError, TypeError):
            maps = None
    sides = [m.shape[2] for m in maps or []]
    whole = sides == [128, 64, 32, 16]
    assert whole is card.pyramid_any_size


@torch.no_grad()
@pytest.mark.parametrize(
    ("name", "sides"),
    [("timm/test_resnet", (16, 8, 4, 2)), ("timm/test_vit", (40, 20, 10, 5))],
)
def test_timm_models_have_one(name, sides):
    card = Registry.discover().model(name).card
    encoder, _ = build(card, Weights("random"), 0)
    side = 64 if name.endswith("resnet") else card.preprocessing.size[0]
    assert isinstance(encoder, MakesPyramid)
    maps = encoder.encode_pyramid(ImageBatch(pixels=torch.randn(1, 3, side, side)))
    assert tuple(m.shape[2] for m in maps) == sides
