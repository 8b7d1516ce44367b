"""The network against the numbers of the reference implementation."""

from __future__ import annotations

import pytest
import torch
from torch.nn import functional as F

TOLERANCE = 1e-4
STAGES = {
    "vit_last_hidden": "token_rows",
    "V": "token_rows",
    "ctx_latents": "latent_rows",
    "vis_latents": "latent_rows",
}


def check_stages(golden, error):
    """Every stage of the vision path with the padding treated as the reference treats it."""
    model = golden.model("released")
    found, vision = golden.run(model), golden.vision
    errors = {}
    for stage, rows in STAGES.items():
        tensor = getattr(found, stage)
        cut = tensor[:, vision[rows], : vision["channels"]]
        errors[f"{stage}_slice"] = error(cut, vision[f"{stage}_slice"])
        errors[f"{stage}_token_mean"] = error(tensor.mean(1), vision[f"{stage}_token_mean"])
        wide = tensor.double().flatten(1)
        stats = [wide.mean(1), wide.std(1, correction=0), wide.abs().amax(1), wide.norm(dim=1)]
        errors[f"{stage}_stats"] = error(torch.stack(stats, 1), vision[f"{stage}_stats"])
        if f"{stage}_full" in vision:
            errors[f"{stage}_full"] = error(tensor, vision[f"{stage}_full"])
    vector = found.vis_latents.mean(1)
    head = golden.tensors("pretrain_checkpoint")
    logits = F.linear(
        vector,
        head["vision_classifier.classifier.weight"],
        head["vision_classifier.classifier.bias"],
    )
    errors["image_vector"] = error(vector, vision["image_vector"])
    errors["vision_logits"] = error(logits, vision["vision_logits"])
    assert max(errors.values()) < TOLERANCE, errors


def check_single_sample(golden, error):
    """By default the images of a batch get what the reference gives each of them alone."""
    vector = golden.run(golden.model("paper")).vis_latents.mean(1)
    assert error(vector, golden.vision["image_vector_single_sample"]) < TOLERANCE
    # Sample 2 has padding, which the reference lets through when it encodes the batch.
    assert error(vector, golden.vision["image_vector"]) > 100 * TOLERANCE


def check_weights(golden):
    """The numbers that guard against another random generator."""
    made = golden.tensors("pretrain_checkpoint")
    for name, first in golden.manifest["weight_check_first4"].items():
        assert made[name].flatten()[:4].tolist() == pytest.approx(first, rel=1e-6)
    pixels = golden.pixels()[:, :, :2, :3].numpy()
    assert pixels == pytest.approx(golden.vision["image_check"], abs=1e-6)


def test_procedural_inputs(tiny):
    check_weights(tiny)


def test_vision_path_with_padding_as_released(tiny, error):
    check_stages(tiny, error)


def test_default_vision_path_is_that_of_single_samples(tiny, error):
    check_single_sample(tiny, error)


@pytest.mark.slow
def test_vision_path_at_full_size(full, error):
    check_weights(full)
    check_stages(full, error)


@pytest.mark.slow
def test_default_vision_path_at_full_size(full, error):
    check_single_sample(full, error)


def test_text_path_with_padding_as_released(tiny, error):
    golden, model = tiny.arrays("b_text"), tiny.model("released")
    tokens = tiny.tokens(golden["report_ids"])
    with torch.no_grad():
        hidden = model.text_encoder(tokens.ids, tokens.mask)
        projected = model.text_tokens(tokens)
        vector = model.text_vectors(tokens)
        starts = {
            kind: model.text_tokens(tiny.tokens(golden[f"{kind}_ids"]))[:, 0]
            for kind in ("sentence", "full")
        }
    head = tiny.tensors("pretrain_checkpoint")
    logits = F.linear(
        vector,
        head["report_classifier.classifier.weight"],
        head["report_classifier.classifier.bias"],
    )
    errors = {
        "hidden": error(hidden, golden["encoder_last_hidden_padded_full"]),
        "projected": error(projected, golden["projected_padded_full"]),
        "vector": error(vector, golden["report_vector_padded_legacy"]),
        "logits": error(logits, golden["report_logits_padded_legacy"]),
        "sentences": error(starts["sentence"], golden["transcript_cls_sentences"]),
        "full": error(starts["full"], golden["transcript_cls_full"]),
    }
    assert max(errors.values()) < TOLERANCE, errors


def test_default_text_path_is_that_of_single_samples(tiny, error):
    golden, model = tiny.arrays("b_text"), tiny.model("paper")
    with torch.no_grad():
        together = model.text_vectors(tiny.tokens(golden["report_ids"]))
        alone = torch.cat([model.text_vectors(tiny.tokens([ids])) for ids in golden["report_ids"]])
    assert error(together, golden["report_vector_single_sample"]) < TOLERANCE
    assert error(alone, golden["report_vector_single_sample"]) < TOLERANCE
    assert error(together, golden["report_vector_padded_legacy"]) > 0.05


@pytest.mark.parametrize("head", ["binary", "nih14"])
def test_linear_head_on_image_vectors(tiny, error, head):
    golden = tiny.arrays("d_cls")
    vector = tiny.run(tiny.model("released")).vis_latents.mean(1)
    weights = tiny.tensors(f"classifier_{head}_checkpoint_extra")
    name = "vision_classifier.disease_head_2class"
    logits = F.linear(vector, weights[f"{name}.weight"], weights[f"{name}.bias"])
    assert error(logits, golden[f"{head}_logits"]) < TOLERANCE


def test_context_latents_with_the_image_latents(tiny, error):
    """The head on both sets of latents pins the context latents a second time."""
    golden, found = tiny.arrays("d_cls"), tiny.run(tiny.model("released"))
    both = torch.cat([found.vis_latents, found.ctx_latents], dim=1).mean(1)
    weights = tiny.tensors("classifier_binary_checkpoint_extra")
    name = "vision_classifier.disease_head_2class"
    logits = F.linear(both, weights[f"{name}.weight"], weights[f"{name}.bias"])
    assert error(logits, golden["binary_with_context_latents_logits"]) < TOLERANCE
