"""CoGaze behind the encoder interface."""

from __future__ import annotations

import copy
import itertools

import pytest
import torch
from cxrbench_models.cogaze.encoder import CoGazeEncoder
from cxrbench_models.cogaze.tokenizer import PAD, special_ids

from cxrbench.data.context import join_context
from cxrbench.encoder import (
    FrozenTrunk,
    ImageBatch,
    ImageEncoder,
    JointSpace,
    ParameterGroups,
    TextEncoder,
    ViewAware,
)
from cxrbench.errors import RunError, WeightsError

CONTEXTS = ["Cough.", None, "A 61-year-old woman with fever and pain in the left chest", ""]
VIEWS = ["PA", None, "AP", "LATERAL"]
UNUSED = {"perceiver.latents", "logit_scale", "logit_scale_gaze"}


@pytest.fixture(scope="module")
def build(card):
    def make(**config):
        torch.manual_seed(0)
        return CoGazeEncoder(card("small", **config)).eval()

    return make


@pytest.fixture(scope="module")
def encoder(build):
    return build()


@pytest.fixture(scope="module")
def pixels():
    return torch.randn(4, 3, 64, 64, generator=torch.Generator().manual_seed(1))


def vectors(encoder, pixels, view=None, context=None):
    with torch.no_grad():
        return encoder.encode_image(ImageBatch(pixels, view=view, context=context)).pooled


def test_it_has_the_capabilities_its_card_declares(encoder, card):
    kinds = {
        "image": ImageEncoder,
        "text": TextEncoder,
        "joint": JointSpace,
        "frozen-trunk": FrozenTrunk,
        "view": ViewAware,
    }
    for name in ("cogaze", "small"):
        assert set(kinds) | {"trainable", "context"} == set(card(name).capabilities)
    assert all(isinstance(encoder, kind) for kind in (*kinds.values(), ParameterGroups))


def test_shapes_are_those_of_the_card(encoder, card, pixels):
    dims = card("small").dims
    features = encoder.encode_image(ImageBatch(pixels))
    assert features.pooled.shape == (4, dims.pooled)
    assert features.grid.shape == (4, *dims.grid)
    assert features.latents.shape == (4, *dims.latents)
    assert encoder.encode_text(["Clear.", "Large effusion."]).shape == (2, dims.text)
    assert encoder.pooled_dim == dims.pooled
    assert encoder.image_spec == card("small").preprocessing


def test_pooled_is_the_mean_of_the_latents(encoder, pixels):
    features = encoder.encode_image(ImageBatch(pixels, context=CONTEXTS))
    assert torch.allclose(features.pooled, features.latents.mean(1))


def test_the_grid_holds_the_patches_row_by_row_without_the_cls_token(encoder, pixels):
    batch = ImageBatch(pixels, view=["PA"] * 4)
    tokens = encoder.image_tokens(encoder.encode_trunk(pixels), torch.full((4,), 1))
    grid = encoder.encode_image(batch).grid
    for row, column in itertools.product(range(8), range(8)):
        assert torch.equal(grid[:, :, row, column], tokens[:, 1 + 8 * row + column])


def test_an_image_does_not_depend_on_its_batch(encoder, pixels, error):
    together = vectors(encoder, pixels, VIEWS, CONTEXTS)
    for row in range(4):
        alone = vectors(encoder, pixels[row : row + 1], [VIEWS[row]], [CONTEXTS[row]])
        assert error(together[row : row + 1], alone) < 1e-5
    order = [3, 2, 0, 1]
    again = vectors(encoder, pixels[order], [VIEWS[i] for i in order], [CONTEXTS[i] for i in order])
    assert error(again, together[order]) < 1e-5


def test_a_text_does_not_depend_on_its_batch(encoder, error):
    texts = ["Clear.", "There is a large left pleural effusion with atelectasis.", "a"]
    together = encoder.encode_text(texts)
    alone = torch.cat([encoder.encode_text([text]) for text in texts])
    assert error(together, alone) < 1e-5


def test_released_padding_makes_results_depend_on_the_batch(build, pixels, error):
    """Each switch of the preset acts where it should, and only there."""
    texts = ["Clear.", "There is a large left pleural effusion with atelectasis."]

    def dependence(encoder):
        both = vectors(encoder, pixels[:3], None, CONTEXTS[:3])[:1]
        image = error(both, vectors(encoder, pixels[:1], None, CONTEXTS[:1]))
        text = error(encoder.encode_text(texts)[:1], encoder.encode_text(texts[:1]))
        return image > 1e-4, text > 1e-4

    assert dependence(build(preset="released")) == (True, True)
    assert dependence(build(context_mask=False)) == (True, False)
    assert dependence(build(text_pool="legacy")) == (False, True)
    assert dependence(build(preset="released", context_mask=True)) == (False, True)


@pytest.mark.parametrize(
    ("told", "worded"),
    [
        (" Cough.\n", "[CLS] [INDICATION] Cough. [SEP] [HISTORY]"),
        (join_context("Cough.", "Asthma."), "[CLS] [INDICATION] Cough. [SEP] [HISTORY] Asthma."),
        (join_context("", "Asthma."), "[CLS] [INDICATION] [SEP] [HISTORY] Asthma."),
    ],
)
def test_texts_are_worded_as_in_training(encoder, pixels, error, told, worded):
    report = encoder.text_vectors(encoder.tokenizer(["[CLS] [FINDINGS] Clear lungs."]))
    assert torch.equal(encoder.encode_text(["Clear lungs."]), report)
    context = encoder.tokenizer([worded])
    latents = encoder.context_latents(1, context, torch.tensor([0]))
    tokens = encoder.image_tokens(encoder.encode_trunk(pixels[:1]), torch.tensor([1]))
    expected = encoder.fuse(tokens, latents).mean(1)
    assert error(vectors(encoder, pixels[:1], ["PA"], [told]), expected) < 1e-6


def test_missing_contexts_are_all_alike_and_change_the_result(encoder, pixels):
    missing = vectors(encoder, pixels)
    for nothing in (None, "", " \n"):
        assert torch.equal(vectors(encoder, pixels, context=[nothing] * 4), missing)
    mixed = vectors(encoder, pixels, context=CONTEXTS)
    changed = (mixed - missing).abs().amax(1) > 1e-3
    assert changed.tolist() == [True, False, True, False]


def test_a_missing_context_starts_from_the_image_latents(encoder):
    expected = encoder.shared_latent + encoder.latent_type_embed["image"]
    assert torch.equal(encoder.context_latents(2, None, None)[1], expected)


def test_views_select_rows_of_the_table(encoder, pixels):
    one = pixels[:1].expand(6, -1, -1, -1)
    found = vectors(encoder, one, ["PA", "pa ", "AP", None, "OBLIQUE", "unk"])
    assert torch.allclose(found[0], found[1])
    assert (found[0] - found[2]).abs().max() > 1e-3
    assert torch.allclose(found[3], found[4])
    assert torch.allclose(found[3], found[5])
    assert (found[3] - found[0]).abs().max() > 1e-3
    assert encoder.views == ["PA", "AP", "LATERAL", "LL"]


def test_trunk_tokens_give_what_their_pixels_give(encoder, pixels):
    trunk = encoder.encode_trunk(pixels)
    direct = encoder.encode_image(ImageBatch(pixels, VIEWS, CONTEXTS))
    cached = encoder.encode_image(ImageBatch(None, VIEWS, CONTEXTS, trunk=trunk))
    assert torch.equal(cached.pooled, direct.pooled)
    assert torch.equal(cached.grid, direct.grid)
    half = encoder.encode_image(ImageBatch(None, VIEWS, CONTEXTS, trunk=trunk.half()))
    assert half.pooled.dtype == torch.float32
    assert torch.allclose(half.pooled, direct.pooled, atol=1e-2)


def test_long_contexts_are_cut(encoder, pixels):
    long = "pain " * 200
    assert torch.equal(
        vectors(encoder, pixels[:1], context=[long]),
        vectors(encoder, pixels[:1], context=[long + "and fever"]),
    )


def test_the_joint_space_is_normalised(encoder, pixels):
    images = encoder.project_image(encoder.encode_image(ImageBatch(pixels, VIEWS, CONTEXTS)))
    texts = encoder.project_text(encoder.encode_text(["Clear.", "Effusion."]))
    assert torch.allclose(images.norm(dim=-1), torch.ones(4))
    assert torch.allclose(texts.norm(dim=-1), torch.ones(2))
    assert images.shape[1] == texts.shape[1]


def test_the_trunk_stays_frozen_in_training(build, pixels):
    encoder = build().train()
    assert encoder.text_encoder.training
    assert not any(module.training for module in encoder.image_encoder.modules())
    assert not any(p.requires_grad for p in encoder.image_encoder.parameters())
    assert not encoder.encode_trunk(pixels).requires_grad


def train_step(encoder, pixels):
    features = encoder.encode_image(ImageBatch(pixels, VIEWS, CONTEXTS))
    texts = encoder.encode_text(["Clear lungs.", "Large effusion on the left."])
    generator = torch.Generator().manual_seed(2)
    goal = torch.randn(features.pooled.shape[1], generator=generator)
    ((features.pooled @ goal).square().sum() + (texts @ goal).square().sum()).backward()


def test_gradients_reach_every_parameter_that_is_used(build, pixels):
    encoder = build()
    train_step(encoder, pixels)
    without = {
        name
        for name, parameter in encoder.named_parameters()
        if parameter.requires_grad and (parameter.grad is None or not parameter.grad.any())
    }
    # Adding one number to all scores of a softmax changes nothing: a key bias has no gradient,
    # up to rounding.
    without = {name for name in without if not name.endswith("key.bias")}
    assert without == UNUSED
    unseen = {"perceiver.latents"} | {f"image_encoder.{n}" for n, _ in trunk_parameters(encoder)}
    assert unseen <= {name for name, p in encoder.named_parameters() if p.grad is None}


def trunk_parameters(encoder):
    return encoder.image_encoder.named_parameters()


def test_padding_and_unused_views_get_no_gradient(build, pixels):
    encoder = build(preset="released")
    train_step(encoder, pixels)
    words = encoder.text_encoder.bert.embeddings.word_embeddings
    ids = special_ids(encoder.settings.text.vocab_size)
    assert words.weight.grad[ids[PAD]].abs().max() == 0  # padding of two of the texts
    assert words.weight.grad[ids["[CLS]"]].abs().max() > 0
    view = encoder.image_projector.add_pos_embed.pos_embed.grad.abs().amax(dim=(1, 2)) > 0
    assert view.tolist() == [True, True, True, True, False]  # no LL in the batch


def test_a_trunk_that_is_not_frozen_is_trained(card, pixels):
    plain = card("small")
    settings = {**plain.config, "vision": {**plain.config["vision"], "freeze_trunk": False}}
    capabilities = [c for c in plain.capabilities if c != "frozen-trunk"]
    encoder = CoGazeEncoder(
        plain.model_copy(update={"config": settings, "capabilities": capabilities})
    ).train()
    train_step(encoder, pixels)
    assert encoder.image_encoder.training
    assert encoder.image_encoder.layernorm.weight.grad.abs().max() > 0
    assert len(list(encoder.parameter_groups()["encoder"])) == len(list(encoder.parameters()))


def test_parameter_groups_hold_all_that_is_trained(encoder):
    (group,) = encoder.parameter_groups().values()
    grouped = [id(parameter) for parameter in group]
    trained = [id(p) for p in encoder.parameters() if p.requires_grad]
    assert sorted(grouped) == sorted(trained)
    assert len(set(grouped)) == len(grouped)


def test_a_copy_encodes_alike(encoder, pixels):
    other = copy.deepcopy(encoder)
    assert torch.equal(
        vectors(other, pixels, VIEWS, CONTEXTS), vectors(encoder, pixels, VIEWS, CONTEXTS)
    )


@pytest.mark.parametrize("field", ["view", "context"])
def test_values_that_are_not_one_an_image_are_refused(encoder, pixels, field):
    with pytest.raises(RunError) as caught:
        encoder.encode_image(ImageBatch(pixels, **{field: ["PA"]}))
    assert f"`{field}`" in caught.value.why


def test_a_file_it_cannot_use_is_refused(encoder, tmp_path):
    with pytest.raises(WeightsError, match="no use for the file labels"):
        encoder.use_file("labels", tmp_path / "labels.json")
