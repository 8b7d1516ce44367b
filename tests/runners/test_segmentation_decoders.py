"""Decoders: shapes for every kind of encoder, and what their parts are for."""

from __future__ import annotations

import pytest
import torch
from cxrbench_models.pixel_stats import PixelStats

from cxrbench.encoder import ImageBatch, ImageFeatures
from cxrbench.errors import RunError
from cxrbench.image_spec import ImageSpec
from cxrbench.registry import Registry
from cxrbench.runners.segmentation.decoders import UNet, make_decoder
from cxrbench.runners.segmentation.features import Features, Reader
from cxrbench.runners.segmentation.recipe import Decoder, SegmentationRecipe

UNET = Decoder(name="unet", channels=[16, 8, 8, 4, 4])
MIXING = Decoder(name="latent-mixing", channels=[8, 8, 4, 4])
UPERNET = Decoder(
    name="upernet", channels=[8], plain_channels=12, dropout=0.1, auxiliary_channels=4,
    auxiliary_weight=0.4,
)  # fmt: skip


def reader_of(*maps, latents=None):
    return Reader(None, "grid", maps, latents)


def drawn(reader, batch=2):
    maps = [torch.randn(batch, *shape) for shape in reader.maps]
    return Features(maps, None if reader.latents is None else torch.randn(batch, *reader.latents))


@pytest.mark.parametrize("stride", [1, 2, 4])
@pytest.mark.parametrize(
    ("grid", "size"),
    [((37, 37), (518, 518)), ((7, 7), (224, 224)), ((14, 14), (224, 224)), ((8, 8), (64, 64)),
     ((5, 9), (80, 144)), ((8, 8), (8, 8)), ((1, 1), (512, 512))],
)  # fmt: skip
def test_a_unet_reaches_the_size_of_the_input_from_any_grid(grid, size, stride):
    reader = reader_of((6, *grid))
    settings = UNET.model_copy(update={"stride": stride})
    (logits,) = make_decoder(settings, reader, size)(drawn(reader))
    assert logits.shape == (2, *size)


def test_a_unet_doubles_the_map_every_round_and_lies_as_the_grid_does():
    decoder = UNet(6, (37, 37), (518, 518), [16, 8, 8, 4, 4], 1).eval()
    assert decoder._sides == [(74, 74), (148, 148), (296, 296), (518, 518)]
    grid = torch.randn(1, 6, 37, 37)
    other = grid.clone()
    other[0, :, 30, 5] += 20
    with torch.no_grad():
        (before,), (after,) = (decoder(Features([g])) for g in (grid, other))
    rows, columns = torch.where((after - before).abs()[0] > 1e-3)
    assert abs(float(rows.float().mean()) / 14 - 30.5) < 1
    assert abs(float(columns.float().mean()) / 14 - 5.5) < 1


@pytest.mark.parametrize("latents", [None, (4, 6)])
def test_latent_mixing_for_any_grid(latents):
    reader = reader_of((6, 5, 7), latents=latents)
    (logits,) = make_decoder(MIXING, reader, (70, 98))(drawn(reader))
    assert logits.shape == (2, 70, 98)


@pytest.mark.parametrize("count", [3, 4])
def test_upernet_over_stages_and_its_auxiliary_head(count):
    reader = reader_of(*[(4 * 2**i, 32 >> i, 32 >> i) for i in range(count)])
    decoder = make_decoder(UPERNET, reader, (128, 128))
    logits = decoder(drawn(reader))
    assert [tuple(x.shape) for x in logits] == [(2, 128, 128)] * 2
    assert decoder.auxiliary[0].in_channels == reader.maps[-2][0]
    assert decoder.head[1].in_channels == 8
    assert len(decoder.eval()(drawn(reader))) == 1


def test_upernet_is_as_wide_as_a_recipe_says_for_plain_networks():
    reader = reader_of((6, 32, 32), (6, 16, 16), (6, 8, 8), (6, 4, 4))
    assert make_decoder(UPERNET, reader, (128, 128)).head[1].in_channels == 12


def test_kept_rows_hold_all_that_is_read_rounded_to_half_precision():
    class Small:
        def encode_image(self, batch):
            return ImageFeatures(
                torch.zeros(3, 2), torch.full((3, 2, 4, 5), 1e6), torch.randn(3, 7, 2)
            )

    reader = Reader(Small(), "grid-latents", ((2, 4, 5),), (7, 2))
    torch.manual_seed(0)
    rows = reader.rows(None)
    torch.manual_seed(0)
    direct = reader.read(None)
    assert rows.dtype == torch.float16 and rows.shape == (3, 40 + 14)
    found = reader.features(rows)
    assert torch.equal(found.maps[0], torch.full((3, 2, 4, 5), 65504.0)), "and stays finite"
    torch.testing.assert_close(found.latents, direct.latents, atol=2e-3, rtol=1e-3)


def test_a_grid_of_pixel_statistics_is_of_its_cells():
    card = Registry.discover().models.get("pixel-stats").card
    pixels = torch.rand(2, 3, 64, 64)
    grid = PixelStats(card).encode_image(ImageBatch(pixels=pixels)).grid
    assert grid.shape == (2, *card.dims.grid)
    cell = pixels[1, 0, 16:24, 40:48]
    expected = torch.stack([cell.mean(), cell.std(correction=0), cell.min(), cell.max()])
    torch.testing.assert_close(grid[1, :, 2, 5], expected)


def test_the_reader_says_what_stands_for_maps_of_several_scales():
    card = Registry.discover().models.get("pixel-stats").card
    spec = ImageSpec(size=(128, 128), resize="squash", mean=(0,) * 3, std=(1,) * 3)
    recipe = SegmentationRecipe.read(
        {"preprocessing": "native", "context": False, "metrics": [], "encoder": "frozen",
         "decoder": UPERNET, "select": {"split": "val", "metric": "dice-pooled-fg"},
         "loss": "cross-entropy", "epochs": 1, "optimizer": {"name": "adamw", "lr": 1e-3}}
    )  # fmt: skip
    reader = Reader.of(PixelStats(card), recipe, spec, "cpu", "32")
    assert reader.maps == ((4, 32, 32), (4, 16, 16), (4, 8, 8), (4, 4, 4))
    assert "×0.5" in reader.notes[0]


@pytest.mark.parametrize(("count", "kind"), [(None, "grid-pyramid"), (3, "pyramid"), (2, None)])
def test_upernet_needs_three_maps(count, kind):
    class Stages:
        def encode_image(self, batch):
            return ImageFeatures(torch.zeros(1, 4), torch.zeros(1, 4, 8, 8))

        def encode_pyramid(self, batch):
            return (
                None
                if count is None
                else [torch.zeros(1, 4, 16 >> i, 16 >> i) for i in range(count)]
            )

    fields = {
        "preprocessing": "native", "context": False, "metrics": [], "encoder": "frozen",
        "select": {"split": "val", "metric": "dice-pooled-fg"}, "decoder": UPERNET,
        "loss": "cross-entropy", "epochs": 1, "optimizer": {"name": "adamw", "lr": 1e-3},
    }  # fmt: skip
    recipe = SegmentationRecipe.model_validate(fields)
    spec = ImageSpec(size=(64, 64), resize="squash", mean=(0.5,) * 3, std=(0.25,) * 3)
    if kind is None:
        with pytest.raises(RunError) as caught:
            Reader.of(Stages(), recipe, spec, "cpu", "32")
        assert "encode_pyramid gives 2" in caught.value.why
        return
    assert Reader.of(Stages(), recipe, spec, "cpu", "32").kind == kind
