"""MedCLIP and EGMA: windows that are put back, padding that stays out, gaze projections."""

from __future__ import annotations

import pytest
import torch
from cxrbench_models.parts.swin import Swin, SwinSettings
from cxrbench_models.parts.tokens import Tokens
from torch.nn import functional as F
from transformers import SwinConfig, SwinModel

from cxrbench.errors import WeightsError
from cxrbench.registry import Registry, load_entry
from cxrbench.weights.choice import resolve
from cxrbench.weights.locate import fetch

SMALL_SWIN = {"dim": 8, "depths": [2, 2, 2, 2], "heads": [1, 1, 2, 2], "window": 2}
SMALL = {
    "swin": SMALL_SWIN,
    "text": {"vocab_size": 1200, "dim": 16, "layers": 4, "heads": 2, "intermediate": 32},
    "joint": 12,
}
IDS = torch.tensor([[101, 1000, 1002, 102, 0, 0], [101, 1001, 1003, 1005, 1007, 102]])
TOKENS = Tokens(IDS, IDS != 0)


def small(name, width=64):
    card = Registry.discover([]).model(name).card
    dims = card.dims.model_copy(update={"pooled": width})
    card = card.model_copy(update={"config": {**card.config, **SMALL}, "dims": dims})
    torch.manual_seed(0)
    return load_entry(card.entry)(card).eval()


@pytest.fixture(scope="module")
def medclip():
    return small("medclip-vit")


@pytest.fixture(scope="module")
def egma():
    return small("egma")


def last(net, pixels):
    """The last stage of transformers' own Swin, B×C×h×w."""
    with torch.inference_mode():
        out = net(pixels, output_hidden_states=True)
    shape = out.reshaped_hidden_states[-1].shape
    return out.last_hidden_state.mT.reshape(shape)


@torch.inference_mode()
def test_a_smaller_image_leaves_nothing_behind_in_a_swin():
    torch.manual_seed(0)
    ours = Swin(SwinSettings.model_validate(SMALL_SWIN)).eval()
    settings = ours.net.config
    theirs = SwinModel(SwinConfig.from_dict(settings.to_dict()), add_pooling_layer=False).eval()
    theirs.load_state_dict(ours.net.state_dict())
    small_image, large_image = torch.randn(1, 3, 64, 64), torch.randn(1, 3, 96, 96)
    fresh = last(theirs, large_image)

    small_first = ours(small_image)[-1]
    torch.testing.assert_close(ours(large_image)[-1], fresh)
    torch.testing.assert_close(ours(small_image)[-1], small_first)

    # What transformers' own object does then; without this the guard would not be needed.
    last(theirs, small_image)
    assert (last(theirs, large_image) - fresh).abs().max() > 1e-3


@torch.inference_mode()
@pytest.mark.parametrize(("name", "layers"), [("medclip", (1, 2, 4)), ("egma", (1, 2, 3, 4))])
def test_a_text_is_the_mean_of_its_own_tokens_over_some_layers(request, name, layers):
    encoder = request.getfixturevalue(name)
    states = encoder.text(TOKENS).hidden_states
    expected = sum(states[layer][0, :4].mean(dim=0) for layer in layers) / len(layers)
    torch.testing.assert_close(encoder.text_features(TOKENS)[0], expected)
    padded = sum(states[layer][0].mean(dim=0) for layer in layers) / len(layers)
    found = encoder.text_features(TOKENS, over_padding=True)[0]
    torch.testing.assert_close(found, padded)
    assert (found - expected).abs().max() > 1e-2


@torch.inference_mode()
def test_the_factor_on_cosines_is_at_most_100(medclip):
    images, texts = F.normalize(torch.randn(2, 12), dim=-1), F.normalize(torch.randn(3, 12), dim=-1)
    kept = medclip.logit_scale.clone()
    torch.testing.assert_close(medclip.logits(images, texts), images @ texts.T / 0.07)
    medclip.logit_scale.fill_(9.0)
    torch.testing.assert_close(medclip.logits(images, texts), 100 * images @ texts.T)
    medclip.logit_scale.copy_(kept)


@torch.inference_mode()
def test_stages_are_projected_token_by_token(egma):
    pixels = torch.randn(2, 3, 64, 64)
    states = egma.image.net(pixels, output_hidden_states=True).hidden_states
    found = egma.stage_tokens(pixels)
    assert [tokens.shape for tokens in found] == [(2, 64, 12), (2, 16, 12), (2, 4, 12)]
    weights = [*(p.weight for p in egma.stage_projections), egma.image_projection.weight]
    for tokens, weight, stage in zip(found, weights, (1, 2, 4), strict=True):
        raw = states[stage][1, 3] @ weight.T
        torch.testing.assert_close(tokens[1, 3], raw / raw.norm())


@torch.inference_mode()
def test_local_similarity_against_loops(egma):
    tokens, texts = torch.randn(2, 4, 12), torch.randn(3, 12)
    mean, largest = egma.local_logits(tokens, texts)
    for i in range(2):
        for j in range(3):
            cosines = [float(token @ texts[j]) / 0.07 for token in tokens[i]]
            assert float(mean[i, j]) == pytest.approx(sum(cosines) / 4, rel=1e-4)
            assert float(largest[i, j]) == pytest.approx(max(cosines), rel=1e-4)


def test_egma_has_no_weights_but_takes_ones_own(tmp_path):
    card = Registry.discover([]).model("egma").card
    assert card.status == "no-weights"
    with pytest.raises(WeightsError, match="access to it is none"):
        resolve(card, None, fetch=False)
    with pytest.raises(WeightsError, match="nobody offers"):
        fetch(card.weights[0])
    for file in card.weights:
        (tmp_path / file.file).write_bytes(b"x")
    assert [file.path.name for file in resolve(card, str(tmp_path)).files] == [
        "pytorch_model.bin", "vocab.txt",
    ]  # fmt: skip
