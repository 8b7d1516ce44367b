"""PriorRG: context, view and prior go the ways that the published model takes."""

from __future__ import annotations

from functools import cache

import pytest
import torch
from cxrbench_models.priorrg import NO_CONTEXT, PriorRgSettings
from cxrbench_models.priorrg_layers import PriorAttention

from cxrbench.encoder import ImageBatch
from cxrbench.errors import PluginError, RunError, WeightsError
from cxrbench.registry import Registry, load_entry

DIM = 32
SMALL = {
    "dim": DIM,
    "image": {"img_size": 28, "patch_size": 14, "depth": 1, "embed_dim": DIM, "num_heads": 2},
    "text": {
        "vocab_size": 264, "layers": 1, "heads": 2, "intermediate": 48, "positions": 64,
        "max_tokens": 48,
    },
    "latents": 4,
    "depth": 2,
    "heads": 2,
    "views": ["unk", "PA", "AP"],
}  # fmt: skip
PIXELS = torch.randn(3, 3, 28, 28, generator=torch.Generator().manual_seed(1))


@cache
def published():
    return Registry.discover([]).model("priorrg").card


def card_of(**config):
    card = published()
    dims = card.dims.model_copy(update={"pooled": DIM})
    return card.model_copy(update={"config": {**SMALL, **config}, "dims": dims})


def build():
    card = card_of()
    torch.manual_seed(0)
    return load_entry(card.entry)(card).eval()


@pytest.fixture(scope="module")
def encoder():
    return build()


def pooled(encoder, **changes):
    with torch.inference_mode():
        return encoder.encode_image(ImageBatch(pixels=PIXELS, **changes)).pooled


@torch.inference_mode()
def test_attention_to_the_prior_against_loops():
    torch.manual_seed(0)
    attention = PriorAttention(8, heads=2)
    current, prior = torch.randn(1, 3, 8), torch.randn(1, 5, 8)
    data = attention.ln_2(prior[0])
    q = attention.fc_q(attention.ln_1(current[0]))
    k, v = attention.fc_k(data), attention.fc_v(data)
    heads = []
    for head in (slice(0, 8), slice(8, 16)):
        weights = torch.softmax(q[:, head] @ k[:, head].T / 8**0.5, dim=-1)
        heads.append(weights @ v[:, head])
    expected = attention.fc_o(torch.cat(heads, dim=1))
    torch.testing.assert_close(attention(current, prior)[0], expected)


@torch.inference_mode()
def test_an_image_is_the_mean_of_context_and_image_latents(encoder):
    features = encoder.encode_image(ImageBatch(pixels=PIXELS, view=["PA", "AP", None]))
    assert features.latents.shape == (3, 8, DIM)
    torch.testing.assert_close(features.pooled, features.latents.mean(dim=1))
    patches = encoder.encode_trunk(PIXELS)[:, 1:]
    torch.testing.assert_close(features.grid[:, :, 1, 0], patches[:, 2])
    # No image reaches the latents of the context.
    assert (features.latents[0, :4] - features.latents[1, :4]).abs().max() < 1e-6
    assert (features.latents[0, 4:] - features.latents[1, 4:]).abs().max() > 1e-3


def test_a_missing_context_is_the_published_template(encoder):
    ids = encoder.tokenizer([NO_CONTEXT]).ids[0].tolist()
    assert ids == [260, 220, 258, 220, 261, 220]  # [INDICATION], space, [SEP], space, [HISTORY], …
    nothing = pooled(encoder)
    torch.testing.assert_close(pooled(encoder, context=[None, "", "  "]), nothing)
    told = pooled(encoder, context=[None, "Cough.", None])
    torch.testing.assert_close(told[[0, 2]], nothing[[0, 2]])
    assert (told[1] - nothing[1]).abs().max() > 1e-3


@torch.inference_mode()
def test_the_padding_of_a_context_is_read_on_demand_alone(encoder):
    both = encoder._tokens(["[INDICATION] Cough. [SEP] [HISTORY] ", NO_CONTEXT])
    alone = encoder._tokens([NO_CONTEXT])
    expected = encoder.context_latents(alone)
    torch.testing.assert_close(encoder.context_latents(both)[1:], expected)
    torch.testing.assert_close(encoder.context_latents(alone, over_padding=True), expected)
    padded = encoder.context_latents(both, over_padding=True)
    assert (padded[1:] - expected).abs().max() > 1e-3


@torch.inference_mode()
def test_an_image_with_a_prior_goes_through_the_fusion_and_another_norm():
    encoder = build()
    now = ImageBatch(pixels=PIXELS, view=["PA", "AP", "PA"])
    before = ImageBatch(pixels=PIXELS.flip(0), view=["AP", "AP", "AP"])
    without, given = encoder.encode_image(now).pooled, encoder.encode_with_prior(now, before).pooled
    other = ImageBatch(pixels=2 * PIXELS, view=["AP", "AP", "AP"])
    assert (encoder.encode_with_prior(now, other).pooled - given).abs().max() > 1e-4

    encoder.layer_norm.weight.mul_(-1)
    torch.testing.assert_close(encoder.encode_with_prior(now, before).pooled, given)
    assert (encoder.encode_image(now).pooled - without).abs().max() > 1e-4

    encoder.layer_norm.weight.mul_(-1)
    encoder.temporal_fusion.norm.weight.mul_(-1)
    torch.testing.assert_close(encoder.encode_image(now).pooled, without)
    assert (encoder.encode_with_prior(now, before).pooled - given).abs().max() > 1e-4


def test_a_view_is_a_row_of_the_table(encoder):
    rows = [encoder._rows(ImageBatch(pixels=PIXELS, view=v)).tolist() for v in (
        None, ["ap", " PA ", None], ["LATERAL", "", "unk"],
    )]  # fmt: skip
    assert rows == [[0, 0, 0], [2, 1, 0], [0, 0, 0]]
    with pytest.raises(RunError, match="2 values of `view`"):
        pooled(encoder, view=["PA", "AP"])


def test_the_trunk_is_frozen_and_can_be_kept(encoder):
    assert not any(p.requires_grad for p in encoder.image.parameters())
    trunk = encoder.encode_trunk(PIXELS)
    assert not trunk.requires_grad
    with torch.inference_mode():
        kept = encoder.encode_image(ImageBatch(pixels=None, trunk=trunk)).pooled
    torch.testing.assert_close(kept, pooled(encoder))


@torch.inference_mode()
def test_a_text_is_its_first_token_worded_as_findings(encoder):
    texts = ["Edema.", "Small left effusion [TRANSCRIPT]"]
    tokens = encoder.tokenizer([f"[CLS] [FINDINGS] {text}" for text in texts])
    assert tokens.ids[:, 0].tolist() == [259, 259] and int(tokens.ids.max()) < 264
    states = encoder.text(input_ids=tokens.ids, attention_mask=tokens.mask.long())
    expected = encoder.text_projection(states.last_hidden_state)[:, 0]
    torch.testing.assert_close(encoder.encode_text(texts), expected)


def test_the_vocabulary_ends_with_the_special_tokens(encoder):
    card = card_of(text={})
    assert PriorRgSettings.model_validate(card.config).text.vocab_size == 50264
    torch.manual_seed(0)
    with torch.device("meta"):
        whole = load_entry(card_of(text={"heads": 2}).entry)(card_of(text={"heads": 2}))
    ids = whole.tokenizer(["<|endoftext|>[PAD][SEP][CLS][INDICATION][HISTORY]"]).ids[0].tolist()
    assert ids == list(range(50256, 50262))


def test_what_does_not_fit_is_refused(encoder, tmp_path):
    card = card_of(views=["PA", "AP"])
    with pytest.raises(PluginError, match="needs a row `unk`"):
        load_entry(card.entry)(card)
    with pytest.raises(WeightsError, match="no use for the file merges"):
        encoder.use_file("merges", tmp_path / "merges.txt")
