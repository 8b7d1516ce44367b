"""The downstream heads: keys, shapes, and what their options change."""

from __future__ import annotations

import pytest
import torch
from cxrbench_models.cogaze.heads.classification import (
    ClassificationHead,
    multi_label_loss,
    two_class_loss,
)
from torch.nn import functional as F

from cxrbench.training.latent_mixing import LatentMixingHead


def draws(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def test_the_keys_are_those_of_the_reference(tiny):
    sections = {
        "classifier_binary_checkpoint_extra": ("vision_classifier.", ClassificationHead(64, 2)),
        "classifier_nih14_checkpoint_extra": ("vision_classifier.", ClassificationHead(64, 14)),
        "segmenter_checkpoint_extra_parameters": (
            "segment.", LatentMixingHead(64, 8, (4, 4), (56, 56), (32, 16, 8, 8))
        ),
    }  # fmt: skip
    for section, (prefix, head) in sections.items():
        shapes = {prefix + n: list(p.shape) for n, p in head.named_parameters()}
        assert shapes == tiny.manifest[section]


def test_classification_is_linear_in_the_mean_of_all_latents():
    head, latents, context = ClassificationHead(6, 3), draws(2, 5, 6), draws(2, 5, 6, seed=1)
    layer = head.disease_head_2class
    assert torch.allclose(head(latents), layer(latents.mean(1)))
    both = layer((latents.mean(1) + context.mean(1)) / 2)
    assert torch.allclose(head(latents, context), both, atol=1e-6)


def test_losses_of_two_classes():
    logits, labels = draws(7, 2), torch.tensor([0, 1, 1, 0, 1, 0, 0])
    weights = torch.tensor([0.5, 1.5])
    softmax = two_class_loss(logits, labels, weights, "cross_entropy")
    assert torch.allclose(softmax, F.cross_entropy(logits, labels))
    plain = F.binary_cross_entropy_with_logits(
        logits, F.one_hot(labels, 2).float(), reduction="none"
    )
    expected = (plain * weights[labels][:, None]).mean()
    assert two_class_loss(logits, labels, weights, "sigmoid") == pytest.approx(float(expected))
    easy = (plain * weights[labels][:, None] * (1 - (-plain).exp()) ** 0.2).mean()
    assert two_class_loss(logits, labels, weights) == pytest.approx(float(easy))


def test_losses_of_many_labels_leave_out_what_is_unknown():
    logits, targets = draws(3, 4), (draws(3, 4, seed=1) > 0).float()
    weights = torch.tensor([0.5, 1.5, 1.0, 2.0])
    plain = F.binary_cross_entropy_with_logits(logits, targets, reduction="none")
    targets[1, 2] = torch.nan
    known = torch.ones(3, 4, dtype=torch.bool)
    known[1, 2] = False
    weighted = (plain * weights)[known].mean()
    assert multi_label_loss(logits, targets, weights, "sigmoid") == pytest.approx(float(weighted))
    bare = multi_label_loss(logits, targets, weights, "cross_entropy")
    assert bare == pytest.approx(float(plain[known].mean()))
    focal = (plain * weights * (1 - (-plain).exp()) ** 0.2)[known].mean()
    assert multi_label_loss(logits, targets, weights) == pytest.approx(float(focal))
