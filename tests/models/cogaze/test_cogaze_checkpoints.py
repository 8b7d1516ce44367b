"""Files of CoGaze: complete or refused, written with the official keys, counted as published."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
import torch
from cxrbench_models.cogaze.config import CoGazeSettings
from cxrbench_models.cogaze.export import official_state
from cxrbench_models.cogaze.model import CoGaze
from cxrbench_models.cogaze.pretraining.checkpoint import for_pretraining
from cxrbench_models.cogaze.pretraining.network import CoGazePretraining
from cxrbench_models.cogaze.reference.architecture import settings_of
from safetensors.torch import load_file, save_file

from cxrbench.errors import WeightsError
from cxrbench.weights.choice import resolve
from cxrbench.weights.load import load
from cxrbench.weights.mapping import matches_any

NEVER_BUILT = ("text_encoder.cls.", "text_encoder.cls_projection_head.")


@pytest.fixture
def small(tiny):
    return settings_of(tiny.manifest, "tiny", tiny.card)


def place(folder, card, tensors):
    """Write the files of a card's tensors as their owners publish them."""
    for entry, found in zip(card.weights, tensors, strict=False):
        path = folder / entry.file
        if path.suffix == ".pt":
            torch.save({"state_dict": found, "epoch": 3}, path)
        else:
            save_file(found, path)


def fill(network, folder, card):
    card = card.model_copy(update={"weights": card.weights[:2]})
    return load(network, card, resolve(card, str(folder), fetch=False).files)


def random_network(kind, settings):
    torch.manual_seed(1)
    return kind(settings)


def test_the_pretraining_file_fills_encoder_and_pretraining_network(tiny, small, tmp_path):
    card = tiny.card
    content = [tiny.tensors("pretrain_checkpoint"), tiny.tensors("rad_dino")]
    place(tmp_path, card, content)
    for kind, read in ((CoGaze, card), (CoGazePretraining, for_pretraining(card))):
        network = random_network(kind, small)
        report = fill(network, tmp_path, read)
        assert report.complete
        own = {k: v for k, v in network.state_dict().items() if k in content[0]}
        assert len(own) > 90 and all(torch.equal(v, content[0][k]) for k, v in own.items())
    head = network.vision_classifier.classifier.weight
    assert torch.equal(head, content[0]["vision_classifier.classifier.weight"])


def test_the_generation_file_fills_the_encoder_of_its_own_card(tiny, small, tmp_path, card):
    generation = card("cogaze-generation")
    content = tiny.tensors("report_generation_checkpoint")
    place(tmp_path, generation, [content, tiny.tensors("rad_dino")])
    network = random_network(CoGaze, small)
    report = fill(network, tmp_path, generation)
    assert report.matched == report.total
    assert torch.equal(network.shared_latent, content["shared_latent"])
    assert network.logit_scale.item() == pytest.approx(math.log(1 / 0.07))


def test_each_file_is_refused_by_the_card_of_the_other(tiny, small, tmp_path, card):
    """A generation file has no temperatures, a pretraining file has tensors of no use there."""
    generation = card("cogaze-generation")
    (tmp_path / "g").mkdir()
    place(tmp_path / "g", tiny.card, [
        tiny.tensors("report_generation_checkpoint"), tiny.tensors("rad_dino")
    ])  # fmt: skip
    with pytest.raises(WeightsError) as refused:
        fill(random_network(CoGaze, small), tmp_path / "g", tiny.card)
    assert "logit_scale" in refused.value.why
    place(tmp_path, generation, [tiny.tensors("pretrain_checkpoint"), tiny.tensors("rad_dino")])
    with pytest.raises(WeightsError) as refused:
        fill(random_network(CoGaze, small), tmp_path, generation)
    assert "unexpected: vision_classifier" in refused.value.why


@pytest.mark.parametrize("section", ["pretrain_checkpoint", "report_generation_checkpoint"])
def test_no_tensor_that_is_used_may_be_absent(tiny, small, tmp_path, card, section):
    own = tiny.card if section.startswith("pretrain") else card("cogaze-generation")
    content, rad_dino = tiny.tensors(section), tiny.tensors("rad_dino")
    ignored = own.weights[0].ignore
    allowed = {"logit_scale", "logit_scale_gaze"} if own is not tiny.card else set()
    for name in [n for n in content if not matches_any(ignored, n) and n not in allowed][::9]:
        place(tmp_path, own, [{k: v for k, v in content.items() if k != name}, rad_dino])
        network = random_network(CoGaze, small)
        before = {k: v.clone() for k, v in network.state_dict().items()}
        with pytest.raises(WeightsError) as refused:
            fill(network, tmp_path, own)
        assert name in refused.value.why
        assert all(torch.equal(v, before[k]) for k, v in network.state_dict().items())


def test_an_exported_state_is_read_like_the_released_file(tiny, small, tmp_path):
    network = random_network(CoGazePretraining, small)
    path = tmp_path / Path(tiny.card.weights[0].file).with_suffix(".safetensors").name
    save_file(official_state(network), path)
    keys = set(load_file(path))
    official = {
        name for name in tiny.manifest["pretrain_checkpoint"] if not name.startswith(NEVER_BUILT)
    }
    assert keys == official
    save_file(tiny.tensors("rad_dino"), tmp_path / tiny.card.weights[1].file)
    entry = tiny.card.weights[0].model_copy(update={"file": path.name})
    card = tiny.card.model_copy(update={"weights": [entry, tiny.card.weights[1]]})
    torch.manual_seed(2)
    again = CoGazePretraining(small)
    assert fill(again, tmp_path, for_pretraining(card)).complete
    state = again.state_dict()
    for name, tensor in network.state_dict().items():
        if name in keys:
            assert torch.equal(state[name], tensor), name


def test_a_trained_trunk_is_exported_and_a_frozen_one_is_not(small):
    free = small.model_copy(
        update={"vision": small.vision.model_copy(update={"freeze_trunk": False})}
    )
    with_trunk = set(official_state(random_network(CoGaze, free)))
    without = set(official_state(random_network(CoGaze, small)))
    extra = with_trunk - without
    assert extra and all(name.startswith("image_encoder.") for name in extra)
    assert not any(name.startswith("image_encoder.") for name in without)


def test_an_export_is_a_copy(small):
    network = random_network(CoGaze, small)
    state = official_state(network)
    before = state["shared_latent"].clone()
    with torch.no_grad():
        network.shared_latent += 1
    assert torch.equal(state["shared_latent"], before)


def test_separate_latents_are_two_sets(small, tmp_path):
    separate = small.model_copy(update={"latents": "separate"})
    network = random_network(CoGaze, separate)
    assert network.shared_latent is None
    shape = (small.perceiver.latents, small.dim)
    for kind in ("context", "image"):
        assert network.latent_type_embed[kind].shape == shape
    missing = network.context_latents(2, None, None)
    assert torch.equal(missing[1], network.latent_type_embed["image"])
    assert "shared_latent" not in official_state(network)


def test_shared_latents_are_the_default_of_every_preset(small):
    given = small.model_dump(exclude={"latents", "text_pool", "context_mask"})
    for preset in ("paper", "released"):
        assert CoGazeSettings.model_validate({**given, "preset": preset}).latents == "shared"


def test_the_official_size_has_the_published_number_of_parameters(full):
    """225.79 M in all and 139.21 M trained, heads that nothing reads included."""
    with torch.device("meta"):
        network = CoGazePretraining(CoGazeSettings.from_card(full.card))
    trained = {n: p.numel() for n, p in network.named_parameters() if p.requires_grad}
    total = sum(p.numel() for p in network.parameters())
    assert total / 1e6 == pytest.approx(225.03, abs=0.01)
    assert sum(trained.values()) / 1e6 == pytest.approx(138.45, abs=0.01)
    file = {n: math.prod(s) for n, s in full.manifest["pretrain_checkpoint"].items()}
    unread = sum(size for name, size in file.items() if name.startswith(NEVER_BUILT))
    assert {n: s for n, s in file.items() if not n.startswith(NEVER_BUILT)} == trained
    assert (sum(trained.values()) + unread) / 1e6 == pytest.approx(139.206, abs=1e-3)
    assert (total + unread) / 1e6 == pytest.approx(225.786, abs=1e-3)
