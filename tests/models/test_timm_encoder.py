"""The timm encoder against timm itself."""

from __future__ import annotations

import numpy as np
import pytest
import timm
import torch
from PIL import Image
from safetensors.torch import save_file

from cxrbench.building import build, count_parameters
from cxrbench.data.transforms import apply_geometry, normalise
from cxrbench.encoder import ImageBatch
from cxrbench.errors import BadRequest, UnknownNameError, WeightsError
from cxrbench.registry import Registry
from cxrbench.weights.choice import Weights, resolve

SMALL = ["resnet18", "vit_tiny_patch16_224", "mobilenetv3_small_050", "efficientnet_lite0"]


@pytest.fixture(scope="module")
def registry():
    return Registry.discover()


@pytest.fixture(scope="module")
def reference():
    """timm's own model without a classifier, with values of its own; made once a name."""
    made = {}

    def make(name):
        if name not in made:
            with torch.random.fork_rng():
                torch.manual_seed(11)
                made[name] = timm.create_model(name, num_classes=0).eval()
        return made[name]

    return make


def images(count, size):
    return torch.randn(count, 3, *size, generator=torch.Generator().manual_seed(3))


def filled(registry, name, path):
    card = registry.model(f"timm/{name}").card
    return build(card, resolve(card, str(path)), seed=0)


@pytest.mark.parametrize("name", ["resnet18", "vit_tiny_patch16_224", "mobilenetv3_small_050"])
def test_features_are_timms(registry, reference, tmp_path, name):
    model = reference(name)
    save_file(model.state_dict(), tmp_path / "model.safetensors")
    encoder, report = filled(registry, name, tmp_path / "model.safetensors")
    needed = [name for name in model.state_dict() if not name.endswith("num_batches_tracked")]
    assert report.complete and report.matched == report.total == len(needed)
    assert not report.by_order
    pixels = images(2, encoder.image_spec.size)
    with torch.no_grad():
        found = encoder.encode_image(ImageBatch(pixels))
        expected = model(pixels)
        features = model.forward_features(pixels)
    assert found.pooled.shape == (2, encoder.pooled_dim)
    torch.testing.assert_close(found.pooled, expected)
    if features.ndim == 3:
        rows = [features[:, 1 + 14 * i : 1 + 14 * (i + 1)] for i in range(14)]
        features = torch.stack(rows, dim=1).permute(0, 3, 1, 2)
    assert torch.equal(found.grid, features)


def test_a_channels_last_model_gets_its_channels_first(registry):
    card = registry.model("timm/mambaout_femto").card
    encoder, _ = build(card, Weights("random"), seed=0)
    with torch.no_grad():
        pixels = images(1, (96, 96))
        found = encoder.encode_image(ImageBatch(pixels))
        features = encoder.model.forward_features(pixels)
    assert features.shape == (1, 3, 3, 288)
    assert found.grid.shape == (1, 288, 3, 3)
    assert torch.equal(found.grid[0, :, 2, 1], features[0, 2, 1])
    assert found.pooled.shape == (1, encoder.pooled_dim)


@pytest.mark.parametrize("name", SMALL)
def test_the_card_says_what_timm_says(registry, name):
    card = registry.model(f"timm/{name}").card
    configured = timm.get_pretrained_cfg(name)
    spec = card.preprocessing
    assert spec.size == configured.input_size[1:]
    assert (spec.mean, spec.std) == (tuple(configured.mean), tuple(configured.std))
    assert (spec.interpolation, spec.crop_fraction) == (
        configured.interpolation, configured.crop_pct,
    )  # fmt: skip
    assert spec.resize == "short_side_crop"
    (file,) = card.weights
    assert file.repo == configured.hf_hub_id
    assert card.config == {"name": name}
    assert configured.tag in card.title


@pytest.mark.parametrize(
    ("name", "mode", "fraction"),
    [("resnet18", "center", 0.95), ("vit_tiny_patch16_224", "center", 0.9),
     ("tf_efficientnet_b1", "center", 0.882),
     ("resnetv2_50x1_bit.goog_in21k_ft_in1k", "center", 1.0),
     ("dm_nfnet_f0", "squash", 0.9), ("dm_nfnet_f1", "squash", 0.91),
     ("coat_lite_medium_384", "squash", 1.0), ("vit_base_patch16_sapiens2", "squash", 1.0)],
)  # fmt: skip
@pytest.mark.parametrize("shape", [(300, 300), (257, 311), (411, 300)])
def test_preprocessing_is_timms(registry, name, mode, fraction, shape):
    configured = timm.get_pretrained_cfg(name)
    assert (configured.crop_mode, configured.crop_pct) == (mode, fraction), "choose another model"
    transform = timm.data.create_transform(
        **timm.data.resolve_data_config(pretrained_cfg=configured.to_dict())
    )
    grey = np.random.default_rng(2).integers(0, 256, shape, dtype=np.uint8)
    expected = transform(Image.fromarray(grey).convert("RGB"))
    spec = registry.model(f"timm/{name}").card.preprocessing
    found = normalise(torch.from_numpy(apply_geometry(grey, spec).copy())[None], spec)[0]
    torch.testing.assert_close(found, expected)


def test_a_crop_that_no_spec_can_say_is_refused(registry):
    assert timm.get_pretrained_cfg("deepseek_vit_412m").crop_mode == "border"
    with pytest.raises(BadRequest, match="border") as error:
        registry.model("timm/deepseek_vit_412m")
    assert "center or squash" in error.value.fix


def test_the_seed_decides_random_weights(registry):
    card = registry.model("timm/mobilenetv3_small_050").card
    models = [build(card, Weights("random"), seed=seed)[0].state_dict() for seed in (1, 1, 2)]
    name = "model.conv_stem.weight"
    assert torch.equal(models[0][name], models[1][name])
    assert not torch.equal(models[0][name], models[2][name])


def test_building_leaves_the_random_state_alone_and_is_in_eval_mode(registry):
    card = registry.model("timm/mobilenetv3_small_050").card
    torch.manual_seed(4)
    expected = torch.rand(3)
    torch.manual_seed(4)
    encoder, _ = build(card, Weights("random"), seed=9)
    assert torch.equal(torch.rand(3), expected)
    assert not any(module.training for module in encoder.modules())


@pytest.mark.parametrize("classifier", ["fc", "head.fc", "classifier"])
@pytest.mark.parametrize("prefix", ["", "module.", "backbone."])
def test_a_checkpoint_with_its_classifier_and_a_prefix_fits(
    registry, reference, tmp_path, classifier, prefix
):
    model = reference("resnet18")
    content = {**model.state_dict(), f"{classifier}.weight": torch.zeros(9, 512)}
    content = {prefix + name: tensor for name, tensor in content.items()}
    if not prefix:
        content[f"{classifier}.bias"] = torch.zeros(9)
    torch.save({"state_dict": content}, tmp_path / "x.pt")
    encoder, report = filled(registry, "resnet18", tmp_path / "x.pt")
    assert report.matched == report.total
    if not prefix:
        assert report.warnings == []
    assert torch.equal(encoder.model.conv1.weight, model.conv1.weight)


def test_other_names_in_the_same_order_fit_and_are_reported(registry, reference, tmp_path):
    state = reference("efficientnet_lite0").state_dict()
    renamed = {
        f"net.part{i}.{name.rpartition('.')[2]}": tensor
        for i, (name, tensor) in enumerate(state.items())
    }
    torch.save(renamed, tmp_path / "x.pt")
    encoder, report = filled(registry, "efficientnet_lite0", tmp_path / "x.pt")
    assert report.by_order
    for name, tensor in encoder.model.state_dict().items():
        assert torch.equal(tensor, state[name])


def test_other_names_in_another_order_are_refused(registry, reference, tmp_path):
    state = list(reference("resnet18").state_dict().items())
    state = [state[-1], *state[:-1]]
    torch.save({f"x{i}.{n.rpartition('.')[2]}": t for i, (n, t) in enumerate(state)},
               tmp_path / "x.pt")  # fmt: skip
    with pytest.raises(WeightsError, match="does not fit timm/resnet18"):
        filled(registry, "resnet18", tmp_path / "x.pt")


def test_the_checkpoint_of_another_model_is_refused(registry, reference, tmp_path):
    save_file(reference("mobilenetv3_small_050").state_dict(), tmp_path / "x.safetensors")
    with pytest.raises(WeightsError, match="missing"):
        filled(registry, "resnet18", tmp_path / "x.safetensors")


def test_parameters_are_counted_without_memory(registry, reference):
    found = count_parameters(registry.model("timm/resnet18").card)
    expected = sum(p.numel() for p in reference("resnet18").parameters())
    assert (found.total, found.trainable) == (expected, expected)


def test_an_unknown_name_suggests_close_ones(registry):
    with pytest.raises(UnknownNameError, match="resnet18"):
        registry.model("timm/resnet_18")


@pytest.mark.parametrize(("tag", "close"), [("a1_in1", "resnet50.a1_in1k"), ("zzz", "resnet50.")])
def test_an_unknown_tag_suggests_those_there_are(registry, tag, close):
    with pytest.raises(UnknownNameError, match=f"has no weights {tag} for resnet50") as error:
        registry.model(f"timm/resnet50.{tag}")
    assert close in error.value.fix
