"""PTUnifier: the fusion against torch's own attention, and scores that stand by themselves."""

from __future__ import annotations

import pytest
import torch
from cxrbench_models import ptunifier
from cxrbench_models.parts.coattention import CoAttention, CoAttentionSettings
from torch import nn
from torch.nn import functional as F

from cxrbench.encoder import ImageFeatures, JointSpace, PairScorer, TextEncoder
from cxrbench.errors import RunError
from cxrbench.registry import Registry, load_entry

DIM, HEADS = 32, 4
SMALL = {
    "image": {"size": 32, "patch": 16, "depth": 2, "heads": 2},
    "text": {
        "kind": "roberta", "vocab_size": 300, "dim": DIM, "layers": 1, "heads": 2,
        "intermediate": 32, "positions": 80, "types": 1, "max_tokens": 60,
    },
    "fusion": {"dim": DIM, "layers": 2, "heads": HEADS, "hidden": 48},
}  # fmt: skip
TEXTS = ["Edema.", "No acute findings in the chest.", "Small effusion"]


@pytest.fixture(scope="module")
def encoder():
    card = Registry.discover([]).model("ptunifier").card
    dims = card.dims.model_copy(update={"pooled": DIM, "grid": (DIM, 2, 2)})
    card = card.model_copy(update={"config": SMALL, "dims": dims})
    torch.manual_seed(0)
    built = load_entry(card.entry)(card)
    with torch.no_grad():
        for parameter in built.fusion.parameters():
            parameter.add_(0.1 * torch.randn_like(parameter))
    return built.eval()


@pytest.fixture(scope="module")
def features(encoder):
    with torch.inference_mode():
        return encoder.features(torch.randn(5, 3, 32, 32))


def attend(ours, x, data, mask):
    """torch's own multi-head attention with the same weights, then add and norm."""
    theirs = nn.MultiheadAttention(DIM, HEADS, batch_first=True)
    parts = (ours.query, ours.key, ours.value)
    theirs.load_state_dict({
        "in_proj_weight": torch.cat([part.weight for part in parts]),
        "in_proj_bias": torch.cat([part.bias for part in parts]),
        "out_proj.weight": ours.out.weight,
        "out_proj.bias": ours.out.bias,
    })  # fmt: skip
    out, _ = theirs(x, data, data, key_padding_mask=None if mask is None else ~mask)
    return ours.norm(x + out)


def layer(ours, x, other, mask, other_mask):
    x = attend(ours.attention, x, x, mask)
    x = attend(ours.crossattention, x, other, other_mask)
    return ours.norm(x + F.linear(F.gelu(ours.grow(x)), ours.shrink.weight, ours.shrink.bias))


def fuse(fusion, text, mask, image, *, at_once=True):
    text = fusion.text_projection(text) + fusion.modality.weight[0]
    image = fusion.image_projection(image) + fusion.modality.weight[1]
    for one, two in zip(fusion.text_layers, fusion.image_layers, strict=True):
        read = layer(one, text, image, mask, None)
        image = layer(two, image, text if at_once else read, None, mask)
        text = read
    pooled = torch.cat([fusion.text_pooler(text[:, 0]), fusion.image_pooler(image[:, 0])], dim=1)
    return torch.tanh(pooled)


@torch.no_grad()
def test_the_fusion_against_torchs_own_attention():
    torch.manual_seed(0)
    fusion = CoAttention(CoAttentionSettings.model_validate(SMALL["fusion"])).eval()
    text, image = torch.randn(2, 5, DIM), torch.randn(2, 7, DIM)
    mask = torch.tensor([[True, True, True, False, False], [True] * 5])
    found = fusion(text, mask, image)
    torch.testing.assert_close(found, fuse(fusion, text, mask, image))
    # Known mistakes: the image reads the text of the same layer; the padding is read.
    wrong = [
        fuse(fusion, text, mask, image, at_once=False),
        fuse(fusion, text, torch.ones_like(mask), image),
    ]
    for other in wrong:
        assert (found - other).abs().max() > 1e-4


@torch.inference_mode()
def test_scores_are_the_second_output_of_the_head_on_each_pair(encoder, features):
    scores = encoder.score_pairs(features, TEXTS)
    assert scores.shape == (5, 3)
    tokens = encoder.text.tokens(TEXTS)
    states = encoder.text(tokens).last_hidden_state
    images = torch.cat([features.pooled[:, None], features.grid.flatten(2).mT], dim=1)
    for column in range(3):
        # With the padding of the batch, and its mask.
        text, mask = states[column].expand(5, -1, -1), tokens.mask[column].expand(5, -1)
        logits = encoder.head(fuse(encoder.fusion, text, mask, images))
        torch.testing.assert_close(scores[:, column], logits[:, 1], atol=1e-5, rtol=1e-4)


@torch.inference_mode()
def test_scores_do_not_depend_on_how_many_pairs_are_fused_at_once(encoder, features, monkeypatch):
    scores = encoder.score_pairs(features, TEXTS)
    monkeypatch.setattr(ptunifier, "IMAGES_AT_ONCE", 2)
    torch.testing.assert_close(encoder.score_pairs(features, TEXTS), scores)


def test_it_scores_pairs_and_has_no_joint_space(encoder, features):
    assert isinstance(encoder, PairScorer)
    assert not isinstance(encoder, TextEncoder) and not isinstance(encoder, JointSpace)
    with pytest.raises(RunError, match="no grid"):
        encoder.score_pairs(ImageFeatures(pooled=features.pooled), TEXTS)
