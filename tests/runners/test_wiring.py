"""What the recipe says reaches the optimiser, the loss, the loaders and the head."""

from __future__ import annotations

from functools import partial

import numpy as np
import pytest
import torch

from cxrbench.runners.classification import finetune
from cxrbench.training.losses import bce, effective_number_weights, focal


@pytest.fixture
def fitted(bench, monkeypatch):
    """Runs a protocol and returns what the fit loop was given."""
    return partial(_run, bench, monkeypatch)


def _run(bench, monkeypatch, protocol):
    seen = {}
    original = finetune.fit

    def fit(module, train, validate, settings, folder):
        seen.update(module=module, train=train, settings=settings)
        return original(module, train, validate, settings, folder)

    monkeypatch.setattr(finetune, "fit", fit)
    (seen["planned"],) = bench.plan("small", protocol)
    bench.run("small", protocol)
    return seen


@pytest.mark.parametrize(
    ("protocol", "kind", "encoder", "head"),
    [
        ("strict@1", torch.optim.AdamW, 1e-2, 1e-1),
        ("cogaze@1", torch.optim.AdamW, 1e-2, 1e-1),
        ("benchx@1", torch.optim.Adam, 1e-4, 1e-3),
    ],
)
def test_the_head_learns_ten_times_faster(fitted, protocol, kind, encoder, head):
    module = fitted(protocol)["module"]
    optimizer = module._recipe.optimizers(module)
    optimizer = optimizer["optimizer"] if isinstance(optimizer, dict) else optimizer
    assert type(optimizer) is kind
    groups = {
        id(parameter): group.get("initial_lr", group["lr"])
        for group in optimizer.param_groups
        for parameter in group["params"]
    }
    for part, rate in ((module.encoder, encoder), (module.head, head)):
        assert [groups[id(p)] for p in part.parameters()] == pytest.approx(
            [rate] * len(list(part.parameters()))
        )


def test_the_loss_is_weighted_by_the_counts_of_the_training_split(fitted):
    seen = fitted("strict@1")
    labels = seen["planned"].data.splits["train"].labels
    weights = effective_number_weights(np.nansum(labels, axis=0).astype(int), 0.9999)
    logits, targets = torch.randn(5, 14), (torch.rand(5, 14) > 0.5).float()
    found = seen["module"]._recipe.loss(logits, targets)
    torch.testing.assert_close(found, focal(logits, targets, 0.2, weights))
    assert np.ptp(weights.numpy()) > 0.1


def test_benchx_trains_with_plain_cross_entropy_and_clips(fitted):
    seen = fitted("benchx@1")
    logits, targets = torch.randn(5, 14), (torch.rand(5, 14) > 0.5).float()
    torch.testing.assert_close(seen["module"]._recipe.loss(logits, targets), bce(logits, targets))
    assert seen["settings"].clip_grad_norm == 1.0
    assert seen["settings"].early_stop == 10
    assert not seen["train"]._sampler.drop_last


def test_strict_drops_the_last_batch_and_does_not_clip(fitted):
    seen = fitted("strict@1")
    assert seen["settings"].clip_grad_norm is None
    assert seen["settings"].early_stop is None
    assert seen["train"]._sampler.drop_last


def test_the_head_is_one_linear_layer_with_a_bias(fitted):
    head = fitted("strict@1")["module"].head
    assert {name: tuple(p.shape) for name, p in head.named_parameters()} == {
        "weight": (14, 8), "bias": (14,),
    }  # fmt: skip


def test_a_normalised_head_with_a_small_start():
    from cxrbench.runners.classification.head import make_head
    from cxrbench.runners.classification.recipe import ClassificationRecipe

    recipe = ClassificationRecipe.model_validate(
        {
            "mode": "finetune", "preprocessing": "native", "context": False, "metrics": [],
            "select": {"split": "val", "metric": "auroc-macro"},
            "optimizer": {"name": "adam", "lr": 1e-4},
            "head_norm": True, "head_init_std": 2e-5,
        }
    )  # fmt: skip
    norm, linear = make_head(64, 14, recipe)
    assert norm.eps == 1e-6
    assert 1e-5 < float(linear.weight.detach().std()) < 3e-5
    assert float(linear.bias.detach().abs().max()) == 0
